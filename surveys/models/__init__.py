"""What we asked, what they said."""

from surveys.models.catalogues import Aspect, Fact
from surveys.models.consents import ConsentWording, GivenConsent, GivenConsentQuerySet
from surveys.models.invitations import (
    Asking,
    Hold,
    HoldQuerySet,
    Invitation,
    InvitationMail,
    InvitationMailQuerySet,
    InvitationQuerySet,
    Reason,
    SampleMail,
    SampleMailQuerySet,
)
from surveys.models.questionnaires import Question, QuestionQuerySet, Survey, SurveyQuerySet, Wave
from surveys.models.responses import (
    NEEDS_FOLLOW_UP,
    Answer,
    AnswerQuerySet,
    Response,
    ResponseChange,
    ResponseQuerySet,
    ResponseRevision,
    ResponseRevisionQuerySet,
    Stems,
)

__all__ = [
    "NEEDS_FOLLOW_UP",
    "Answer",
    "AnswerQuerySet",
    "Asking",
    "Aspect",
    "ConsentWording",
    "Fact",
    "GivenConsent",
    "GivenConsentQuerySet",
    "Hold",
    "HoldQuerySet",
    "Invitation",
    "InvitationMail",
    "InvitationMailQuerySet",
    "InvitationQuerySet",
    "Question",
    "QuestionQuerySet",
    "Reason",
    "Response",
    "ResponseChange",
    "ResponseQuerySet",
    "ResponseRevision",
    "ResponseRevisionQuerySet",
    "SampleMail",
    "SampleMailQuerySet",
    "Stems",
    "Survey",
    "SurveyQuerySet",
    "Wave",
]
