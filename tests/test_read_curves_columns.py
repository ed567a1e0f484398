"""What of a log becomes a curve: columns, steps and their units, restarts, spikes, what is NaN."""

import json
import re

import numpy as np
import pytest

import lawfit as lf


def write(path, text):
    path.write_text(text)
    return path


def table(path, **columns):
    """A CSV of columns; NaN is an empty cell."""
    rows = zip(*columns.values(), strict=True)
    cells = [",".join("" if v != v else repr(v) for v in row) for row in rows]
    return write(path, "\n".join([",".join(columns), *cells]) + "\n")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.csv"


def one(source, **options):
    (curve,) = lf.read_curves(source, **options)
    return curve


STEPS = list(range(0, 400, 10))
LOSS = [3 + 1 / (1 + step) for step in STEPS]


# Columns


def test_names_that_are_plain_are_found(path):
    table(path, global_step=STEPS, learning_rate=[1e-3] * 40, **{"train/loss": LOSS})
    curve = one(path)
    assert curve.loss.tolist() == LOSS
    assert curve.schedule.peak == 1e-3
    assert curve.lr_source.startswith("learning_rate in the log: 40 logged rates")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "dict"])
def test_a_table_of_other_names_lists_them(path, kind):
    columns = {"t": [0, 1], "ppl": [3.0, 2.0]}
    lines = [json.dumps({"t": t, "ppl": ppl}) for t, ppl in zip(*columns.values(), strict=True)]
    source = {
        "csv": lambda: table(path, **columns),
        "jsonl": lambda: write(path, "\n".join(lines) + "\n"),
        "dict": lambda: columns,
    }[kind]()
    where = "data" if kind == "dict" else str(path)
    with pytest.raises(
        ValueError, match="no column is a loss; choose y among 't', 'ppl'"
    ) as caught:
        lf.read_curves(source)
    assert str(caught.value).startswith(f"{where}: ")
    with pytest.raises(ValueError, match="no column counts steps; choose x among 't', 'ppl'"):
        lf.read_curves(source, y="ppl")
    assert one(source, x="t", y="ppl").loss.tolist() == columns["ppl"]


def test_several_losses_are_refused_unless_one_is_chosen(path):
    table(path, step=STEPS, train_loss=LOSS, val_loss=LOSS[::-1])
    message = r"run.csv: several names are of a loss: 'train_loss', 'val_loss'; choose one by its"
    with pytest.raises(ValueError, match=message):
        lf.read_curves(path)
    assert one(path, y="val_loss").loss.tolist() == LOSS[::-1]


def test_other_names_are_chosen(path):
    table(path, t=STEPS, perplexity=LOSS, eta=[2e-3] * 40)
    curve = one(path, x="t", y="perplexity", lr="eta")
    assert curve.loss.tolist() == LOSS
    assert curve.schedule.peak == 2e-3
    with pytest.raises(ValueError, match=r"run.csv: no column counts steps; choose x among 't'"):
        lf.read_curves(path, y="perplexity")
    with pytest.raises(ValueError, match=r"no column is a loss; choose y among 't', 'perplexity'"):
        lf.read_curves(path, x="t")
    with pytest.raises(ValueError, match=r"column 'perplexty' is missing; did you mean 'perple"):
        lf.read_curves(path, x="t", y="perplexty")


def test_sparse_rows_of_losses_and_rates(path):
    nan = float("nan")
    steps = [9, 9, 19, 19, 29]
    table(path, step=steps, lr=[1e-3, nan, 2e-3, nan, 3e-3], loss=[nan, 3.0, nan, 2.5, nan])
    curve = one(path)
    assert curve.steps.tolist() == [9, 19]
    assert curve.schedule.at([9, 14, 29]).tolist() == [1e-3, 1.5e-3, 3e-3]
    assert "passed over 3 rows without loss" in curve.notes


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": 3}, TypeError, "y is 3; expected the name of a column"),
        ({"unit": "epochs"}, ValueError, "unit 'epochs' is unknown"),
        ({"on_duplicate": "keep"}, ValueError, "on_duplicate 'keep' is unknown"),
        ({"nan_policy": "drop"}, ValueError, "nan_policy 'drop' is unknown"),
        ({"despike": 0}, ValueError, "despike is 0"),
        ({"params": -1}, ValueError, "params is -1"),
        ({"paramz": 1}, TypeError, "read_curves: 'paramz' is no option of it; did you mean"),
        ({"progress": 3}, TypeError, "progress is 3; expected a bool or a function"),
        ({"one_based": "no"}, TypeError, "one_based is 'no'; expected True or False"),
        ({"sort": "yes"}, TypeError, "sort is 'yes'; expected True or False"),
        ({"keep_going": 1}, TypeError, "keep_going is 1; expected True or False"),
    ],
)
def test_bad_options_are_refused(path, options, error, message):
    table(path, step=STEPS, loss=LOSS)
    with pytest.raises(error, match=re.escape(message)):
        lf.read_curves(path, **options)


# Sizes


def test_sizes_are_numbers_columns_or_by_run(path):
    table(path, step=STEPS, loss=LOSS, width=[64] * 40, mixed=[1.0, 2.0] * 20)
    assert one(path, params=5e6, tokens_per_step=1024).tokens_per_step == 1024
    assert one(path, params={"run": 7e6}).params == 7e6
    with pytest.raises(ValueError, match="params is for the runs 'other'; those read are 'run'"):
        lf.read_curves(path, params={"other": 7e6})
    assert one(path, params="width").params == 64
    with pytest.raises(ValueError, match=r"params: the column 'mixed' has 2 values; expected one"):
        lf.read_curves(path, params="mixed")
    path.with_suffix(".json").write_text(json.dumps({"params": 1e6, "loss_unit": "bits"}))
    assert one(path).params == 1e6
    assert one(path).loss_unit == "bits"
    assert one(path, loss_unit="nats per byte").loss_unit == "nats per byte"


@pytest.mark.parametrize("name", ["bpb", "val_bpb", "val/bits_per_byte"])
def test_bits_per_byte_are_named_so(path, name):
    table(path, step=STEPS, **{name: LOSS})
    assert one(path, y=name).loss_unit == "bits per byte"


# Steps


def test_steps_are_taken_as_0_based_and_that_is_said(path):
    table(path, step=STEPS, loss=LOSS)
    curve = one(path)
    assert curve.steps.tolist() == STEPS
    assert "steps are taken as 0-based; one_based=True if they count updates done" in curve.notes
    assert not any("0-based" in note for note in one(path, one_based=False).notes)


@pytest.mark.parametrize("name", ["num_updates", "train/global_step", "step"])
def test_counts_of_updates_done_are_one_more(path, name):
    table(path, **{name: STEPS}, loss=LOSS)
    curve = one(path, one_based=True if name == "step" else None)
    assert curve.steps.tolist() == [step - 1 for step in STEPS[1:]]
    assert "dropped 1 point before the first update" in curve.notes
    assert not any("no step" in note for note in curve.notes)
    assert any("counts updates done: its step g is step g - 1" in note for note in curve.notes)


@pytest.mark.parametrize("unit", ["tokens", "samples"])
def test_tokens_and_samples_become_steps(path, unit):
    per_step = 524288
    table(path, **{f"{unit}_seen": [(step + 1) * per_step for step in STEPS]}, loss=LOSS)
    each = {f"{unit}_per_step": per_step}
    for curve in (one(path, x=f"{unit}_seen", **each), one(path, unit=unit, **each)):
        assert curve.steps.tolist() == STEPS
        assert f"steps are {unit}_seen / 524288 - 1" in curve.notes
    with pytest.raises(
        ValueError, match=f"'{unit}_seen' counts {unit}, so {unit}_per_step is need"
    ):
        lf.read_curves(path, x=f"{unit}_seen")


@pytest.mark.parametrize(
    "rate", ["tokens_per_second", "perf/tok/s", "tokens/sec", "Tokens per step", "tokens_per_gpu"]
)
def test_a_rate_of_tokens_counts_none(path, rate):
    tokens = [(step + 1) * 100 for step in STEPS]
    table(path, **{rate: [100.0] * 40, "perf/tokens": tokens, "loss": LOSS})
    curve = one(path, unit="tokens", tokens_per_step=100)
    assert curve.steps.tolist() == STEPS
    assert "steps are perf/tokens / 100 - 1" in curve.notes
    table(path, **{rate: [100.0] * 40, "loss": LOSS})
    with pytest.raises(ValueError, match="no column counts tokens; choose x among"):
        lf.read_curves(path, unit="tokens", tokens_per_step=100)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rates", [{}, {"lr": [1e-3] * 40}])
@pytest.mark.parametrize("bad", [np.inf, -1, 300.5, 1e300, 2.0**53])
def test_a06_a37_what_is_no_step_is_refused_by_its_place(path, bad, rates):
    steps = [*STEPS[:7], bad, *STEPS[8:]]
    message = f"run.csv: step at index 7 is {bad:.16g}; expected a whole number from 0 to 2**53 - 1"
    table(path, step=steps, loss=LOSS, **rates)
    with pytest.raises(ValueError, match=re.escape(message)):
        lf.read_curves(path)


@pytest.mark.filterwarnings("error")
def test_a06_what_is_no_count_of_tokens_is_refused(path):
    for bad, one in ((np.inf, "tokens at index 1 is inf"), (-50, "tokens at index 1 is -50")):
        table(path, tokens=[10, bad, 30], loss=LOSS[:3], lr=[1e-3] * 3)
        with pytest.raises(ValueError, match=re.escape(one)):
            lf.read_curves(path, x="tokens", tokens_per_step=10)
    table(path, tokens=[10, 2e10, 30], loss=LOSS[:3])
    with pytest.raises(ValueError, match="tokens at index 0 is 10; expected a whole"):
        lf.read_curves(path, x="tokens", tokens_per_step=1e-308)
    table(path, updates=[1, -1, 3], loss=LOSS[:3])
    with pytest.raises(ValueError, match="updates at index 1 is -1"):
        lf.read_curves(path)


def test_rounded_tokens_are_told(path):
    table(path, tokens=[1000.0, 2010.0, 3000.0], loss=LOSS[:3])
    curve = one(path, x="tokens", tokens_per_step=1000)
    assert curve.steps.tolist() == [0, 1, 2]
    assert "steps were rounded to whole ones, by up to 0.010" in curve.notes


# Order


def test_a12_a13_a_restart_supersedes_what_was_logged_after_it(path):
    again = STEPS[:25] + STEPS[18:]
    values = LOSS[:18] + [9.0] * 7 + LOSS[18:]
    rates = [1e-3] * 18 + [9e-3] * 7 + [1e-3] * 22
    table(path, step=again, loss=values, lr=rates)
    curve = one(path)
    assert curve.steps.tolist() == STEPS
    assert curve.loss.tolist() == LOSS
    assert curve.schedule.peak == 1e-3
    assert "restarted at step 180: dropped 7 points and kept what was logged last" in curve.notes
    first = one(path, on_duplicate="first")
    assert first.loss.tolist() == LOSS[:18] + [9.0] * 7 + LOSS[25:]
    assert first.schedule.peak == 9e-3
    with pytest.raises(ValueError, match=r"run.csv: curve 'run': step at index 25 goes back from"):
        lf.read_curves(path, on_duplicate="error")


def test_a11_rows_in_no_order_are_refused_unless_sorted(path):
    order = np.random.default_rng(0).permutation(40)
    table(path, step=[STEPS[k] for k in order], loss=[LOSS[k] for k in order], lr=[1e-3] * 40)
    with pytest.raises(ValueError, match=r"run.csv: steps go back \d+ times and none comes twice"):
        lf.read_curves(path)
    curve = one(path, sort=True)
    assert curve.steps.tolist() == STEPS
    assert curve.loss.tolist() == LOSS
    assert "sorted 40 points" in curve.notes


# Values


def test_a03_losses_that_are_no_number_are_dropped_or_refused(path):
    path.write_text("step,loss\n0,3\n10,nan\n20,inf\n30,2\n")
    curve = one(path)
    assert curve.steps.tolist() == [0, 30]
    assert "dropped 1 point whose loss is NaN" in curve.notes
    assert "dropped 1 point with loss not finite" in curve.notes
    with pytest.raises(ValueError, match=r"run.csv: loss is NaN in 1 row; nan_policy='omit' drops"):
        lf.read_curves(path, nan_policy="raise")
    path.write_text("step,loss\n0,3\n20,inf\n30,2\n")
    with pytest.raises(ValueError, match=r"run.csv: curve 'run': loss at index 1 is inf"):
        lf.read_curves(path, nan_policy="raise")


def test_a_log_without_points_is_refused(path):
    path.write_text("step,loss\n0,nan\n10,nan\n")
    with pytest.raises(ValueError, match=r"run.csv: no row has a number as 'loss'$"):
        lf.read_curves(path)
    with pytest.raises(ValueError, match=r"no row has both loss and step$"):
        lf.read_curves(path, y="loss")


def noisy(seed=0, n=200):
    rng = np.random.default_rng(seed)
    steps = np.arange(n) * 10
    return steps, 2 + 3 * (1 + steps) ** -0.5 + 0.01 * rng.normal(size=n)


def test_spikes_are_told_and_dropped_on_demand(path):
    steps, loss = noisy()
    loss[[50, 120]] += [0.5, 2.0]
    table(path, step=steps.tolist(), loss=loss.tolist())
    kept = one(path)
    assert len(kept) == 200
    assert "2 spikes at step 500, 1200: kept; a robust loss is little moved by them, desp" in (
        " ".join(kept.notes)
    )
    dropped = one(path, despike=10)
    assert dropped.steps.tolist() == [step for step in steps if step not in (500, 1200)]
    assert "dropped 2 points that are spikes, at step 500, 1200" in dropped.notes
    assert len(one(path, despike=100)) == 199


@pytest.mark.parametrize("n", [11, 300, 20_000])
def test_spikes_stand_above_the_median_of_eleven(n):
    rng = np.random.default_rng(n)
    loss = 2 + 0.05 * rng.standard_t(2, n)
    ends = [2 * loss[0] - loss[5:0:-1], loss, 2 * loss[-1] - loss[-2:-7:-1]]
    around = np.lib.stride_tricks.sliding_window_view(np.concatenate(ends), 11)
    above = loss - np.median(around, axis=1)
    scale = 1.4826 * np.median(np.abs(above))
    far = (above > 4 * scale) & (above > 0.02 * np.median(around, axis=1))
    found = one({"step": np.arange(n), "loss": loss}, despike=4)
    assert found.steps.tolist() == np.flatnonzero(~far).tolist()
    assert n == 11 or far.any()


@pytest.mark.parametrize("seed", range(5))
def test_noise_steep_starts_and_jumps_are_no_spikes(path, seed):
    steps, loss = noisy(seed)
    loss[100:] += 0.5  # as after a jump of the learning rate
    table(path, step=steps.tolist(), loss=loss.tolist())
    assert not any("spike" in note for note in one(path).notes)


@pytest.mark.parametrize("params", [25152, 149184])
def test_measured_runs_have_no_spikes(tmp_path, params):
    for sample in lf.samples.curves(params):
        table(
            tmp_path / f"{sample.name}.csv", step=sample.steps.tolist(), loss=sample.loss.tolist()
        )
    for curve in lf.read_curves(tmp_path):
        assert not any("spike" in note for note in curve.notes), curve.name


# In memory


def test_a23_arrays_in_memory_are_read_and_never_written(tmp_path):
    steps = np.array(STEPS)
    np.save(tmp_path / "loss.npy", np.array(LOSS))
    mapped = np.load(tmp_path / "loss.npy", mmap_mode="r")
    steps.setflags(write=False)
    curve = one({"step": steps, "loss": mapped, "note": ["text"] * 40})
    assert curve.name == "data"
    assert curve.loss.tolist() == LOSS
    assert not np.shares_memory(curve.loss, mapped)
    assert curve == one({"step": STEPS, "loss": np.array(LOSS, ">f8")})


def test_a25_masked_and_missing_values_are_no_points():
    masked = np.ma.array(LOSS, mask=[step == 50 for step in STEPS])
    curve = one({"step": STEPS, "loss": masked, "lr": [1e-3] * 40})
    assert 50 not in curve.steps
    assert len(curve) == 39
    assert "passed over 1 row without loss" in curve.notes
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"step": STEPS, "loss": pandas.array(LOSS, dtype="Float64")})
    frame.loc[5, "loss"] = pandas.NA
    assert one(frame).steps.tolist() == curve.steps.tolist()


def test_a26_tensors_are_read_off_the_graph():
    torch = pytest.importorskip("torch")
    loss = torch.tensor(LOSS, dtype=torch.float64, requires_grad=True)
    assert one({"step": torch.tensor(STEPS), "loss": loss}).loss.tolist() == LOSS


def test_several_tables_are_several_runs():
    tables = [{"step": STEPS, "loss": LOSS}, {"step": STEPS[:5], "loss": LOSS[:5]}]
    curves = lf.read_curves(tables, params={"data 1": 5.0})
    assert curves.names == ("data 0", "data 1")
    assert curves["data 1"].params == 5


def test_a15_columns_of_several_lengths_are_refused():
    with pytest.raises(ValueError, match=r"data: columns differ in length: .* has 39"):
        lf.read_curves({"step": STEPS, "loss": LOSS[:-1]})


def test_runs_of_one_table(tmp_path):
    names = ["a"] * 20 + ["b"] * 20
    long = {"step": STEPS, "loss": LOSS, "run": names}
    assert lf.read_curves(long).names == ("a", "b")
    other = {"step": STEPS, "loss": LOSS, "seed": names}
    assert lf.read_curves(other, by="seed")["b"].steps.tolist() == STEPS[20:]
    for options in ({"y": "step", "by": "step"}, {"x": "run", "y": "run"}):
        with pytest.raises(
            ValueError, match="no column chosen but what tells runs apart, among 's"
        ):
            lf.read_curves(long, **options)
    with pytest.raises(ValueError, match=r"column 'sede' is missing; did you mean 'seed'"):
        lf.read_curves(other, by="sede")
    for name in ("x", "y"):
        rows = zip(STEPS, LOSS, names, strict=True)
        text = "step,loss,run\n" + "".join(f"{s},{v},{r}\n" for s, v, r in rows)
        write(tmp_path / f"{name}.csv", text)
    assert lf.read_curves(tmp_path).names == ("x/a", "x/b", "y/a", "y/b")
    write(tmp_path / "x.csv", "step,loss,run\n0,3,a\n")
    write(tmp_path / "y.csv", "step,loss,run\n0,3,a\n")
    assert lf.read_curves(tmp_path).names == ("x/a", "y/a")
