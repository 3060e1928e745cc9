"""Stage 4, verify: prove the negative wrong and the chosen answer right, and look for what gives a negative away."""

from seapo.verify import code, contradiction, error_type, form, giveaways, judge, language, proofs, reference, shape
from seapo.verify.calibration import calibrate
from seapo.verify.check import CHECKS, Check
from seapo.verify.examination import examiner
from seapo.verify.stage import VerifyResult, verify_candidates, verify_to

__all__ = ["CHECKS", "Check", "VerifyResult", "calibrate", "examiner", "verify_candidates", "verify_to"]
_REGISTERING = (code, contradiction, error_type, form, giveaways, judge, language, proofs, reference, shape)
