"""The command; see `driver`."""

from bench.peers import threads

threads.one()

from bench.peers.driver import main  # noqa: E402

if __name__ == "__main__":
    main()
