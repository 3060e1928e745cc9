"""Stage 2, where it is asked for: which errors does the model itself make? Its answer sets the weights of `mix`."""

from seapo.diagnose.classify import Diagnosis, diagnose_answer, diagnose_question
from seapo.diagnose.finding import Finding
from seapo.diagnose.generation import Answering, engine_replies, model_replies
from seapo.diagnose.profile import AnswerRow, Profile
from seapo.diagnose.question import Question
from seapo.diagnose.questions import load_questions
from seapo.diagnose.stage import diagnose

__all__ = [
    "AnswerRow",
    "Answering",
    "Diagnosis",
    "Finding",
    "Profile",
    "Question",
    "diagnose",
    "diagnose_answer",
    "diagnose_question",
    "engine_replies",
    "load_questions",
    "model_replies",
]
