"""pyHanko, imported whole by one thread at a time."""

import threading

_LOCK = threading.Lock()


def load_pyhanko() -> None:
    """Import every part of pyHanko that signs or judges. Call it before importing from any of them.

    Its modules import each other in a circle. When two threads come in at two ends of it at once, Python hands one of
    them a half-made module: the first certificates after a start, or the first files judged, failed by that.
    """
    with _LOCK:
        import pyhanko.pdf_utils.incremental_writer
        import pyhanko.pdf_utils.reader
        import pyhanko.sign.signers.cms_embedder
        import pyhanko.sign.timestamps
        import pyhanko.sign.validation  # noqa: F401
