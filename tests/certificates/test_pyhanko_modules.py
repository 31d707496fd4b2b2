"""pyHanko is imported lazily, also by two threads at once."""

import subprocess
import sys

from tests.serving import ROOT

RACE = """
import sys, threading
sys.setswitchinterval(1e-6)
from certificates.pyhanko_modules import load_pyhanko
from certificates.signing import http_timestamper

def judging():
    load_pyhanko()
    from pyhanko.sign.validation import validate_pdf_signature

def signing():
    load_pyhanko()
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder

def stamping():
    http_timestamper("http://127.0.0.1:9")

problems = []
def tried(work):
    try:
        work()
    except BaseException as error:
        problems.append(repr(error))

assert "pyhanko" not in sys.modules
threads = [threading.Thread(target=tried, args=[work]) for work in (signing, judging, stamping) * 2]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("\\n".join(problems) or 0)
"""


def test_the_first_certificates_after_a_start_do_not_trip_over_each_other() -> None:
    done = subprocess.run([sys.executable, "-c", RACE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
