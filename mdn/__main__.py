"""The program `mdn`, as `python -m mdn`."""

from mdn.app.main import main

if __name__ == "__main__":
    main()
