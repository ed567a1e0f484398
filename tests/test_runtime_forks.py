"""Forks, spawned processes and what travels between them."""

from runtime_script import TIMEOUT, expected_bits, posix, run, run_file, script, stressed


@posix
def test_d04_forked_child_fits_on_one_thread():
    code = """
        warnings.simplefilter("ignore")  # newer Pythons warn of forks in a process with threads
        tasks = "/proc/self/task"
        first = bits(fitted(threads=2))
        print(first, len(os.listdir(tasks)) if os.path.exists(tasks) else 2, flush=True)
        for _ in range(5):
            child = os.fork()
            if child == 0:
                print(bits(fitted(threads=4)), lf.build_info()["max_threads"], flush=True)
                os._exit(0)
            os.waitpid(child, 0)
        print(bits(fitted(threads=2)))
    """
    first, threads, *words, last = run(code)
    assert first == last == expected_bits()
    assert int(threads) >= 2
    assert words == [expected_bits(), "1"] * 5


@posix
def test_d04_pool_of_forked_workers():
    code = """
        warnings.simplefilter("ignore")
        print(bits(fitted(threads=2)))
        def work(k):
            return bits(fitted(threads=1 + k % 3))
        with multiprocessing.get_context("fork").Pool(3) as pool:
            print(*pool.map(work, range(6)))
    """
    assert run(code) == [expected_bits()] * 7


@posix
def test_d05_forks_after_and_during_fits_neither_hang_nor_differ():
    assert stressed("forks", 12, timeout=300) == {"count": 12, "spawned": 2, "hangs": 0, "wrong": 0}


@posix
def test_d05_a_forecaster_is_open_in_a_child_forked_while_a_thread_is_at_it():
    code = """
        warnings.simplefilter("ignore")
        schedule = lf.schedules.cosine(steps=10**6, peak=1e-3, warmup=10)
        # solved in full at every point, which lets go of the GIL
        forecaster = lf.Forecaster("annealing", schedule, loss="soft_l1")
        began, over = threading.Event(), threading.Event()

        def train():
            for step in range(10, 10**6):
                forecaster.update(step, 2.0 + step**-0.5)
                began.set()
                if over.is_set():
                    return

        thread = threading.Thread(target=train)
        thread.start()
        began.wait()
        for _ in range(20):
            time.sleep(0.003)
            child = os.fork()
            if child == 0:
                signal.alarm(10)  # ends a child that hangs
                right = forecaster.n > 0 and forecaster.update(999_999, 2.0).n > 1
                os._exit(0 if right else 1)
            print(os.waitpid(child, 0)[1])
        over.set()
        thread.join()
    """
    assert run(code) == ["0"] * 20


def test_d06_fits_travel_to_spawned_workers(tmp_path):
    code = """
        def work(fit):
            wsd = lf.schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_start=2000, end=1e-5)
            return fit, fit.predict(wsd).tobytes(), bits()

        if __name__ == "__main__":
            fit = fitted(threads=2)
            for how in ("spawn", "forkserver")[: 1 if os.name == "nt" else 2]:
                with multiprocessing.get_context(how).Pool(1) as pool:
                    back, predicted, again = pool.apply(work, (fit,))
                assert back == fit
                assert back.law == fit.law
                assert predicted == work(fit)[1]
                print(bits(back), again)
    """
    path = tmp_path / "spawn.py"
    path.write_text(script(code))
    assert run_file(path, timeout=2 * TIMEOUT).split() == [expected_bits()] * 4
