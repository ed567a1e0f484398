// Puts the pictures where they belong.

const read = (id) => {
  const block = document.getElementById(id);
  return block ? JSON.parse(block.textContent) : null;
};

const figures = read("figures");
for (const place of document.querySelectorAll(".chart")) {
  const figure = figures[place.dataset.section][Number(place.dataset.place)];
  if (!figure.choices) {
    new Figure(place, figure);
    continue;
  }
  const label = html("label", "choose", `${figure.choose} `, place);
  const select = html("select", "", undefined, label);
  figure.choices.forEach((choice, k) => {
    html("option", "", choice.name, select).value = String(k);
  });
  const first = figure.first ?? 0;
  select.value = String(first);
  const drawn = new Figure(place, figure.choices[first]);
  select.addEventListener("change", () => drawn.show(figure.choices[Number(select.value)]));
}

const model = read("whatif-data");
if (model) new WhatIf(document.getElementById("whatif-panel"), model);
