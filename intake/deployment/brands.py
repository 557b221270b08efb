"""Whether each brand can begin: somebody to run it, somewhere to lead to, and mail that has a sender."""

from collections.abc import Iterable

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Brand, Membership, User
from intake.demo.cast import PASSWORD
from intake.deployment.findings import Findings, error, fine, warning
from surveys.models import Survey, Wave

ADMINS_TRIED = 20  # a password takes a while to try


def brands_found() -> Findings:
    brands = list(Brand.objects.prefetch_related(Prefetch("memberships", administrators(), to_attr="administrators")))
    if not brands:
        yield warning(_("Brands"), _("There is none yet."), _("Open the link that manage.py setup_link prints."))
    asked = set(Survey.objects.filter(wave=Wave.FIRST, status=Survey.Status.PUBLISHED).values_list("brand", flat=True))
    for brand in brands:
        admins: list[User] = [each.user for each in brand.administrators]
        found = [*brand_found(brand, admins), *survey_found(brand, is_published=brand.pk in asked)]
        yield from found or [fine(brand.slug, _("It can begin."))]


def administrators() -> QuerySet[Membership]:
    return Membership.objects.filter(role=Membership.Role.ADMIN, user__is_active=True).select_related("user")


def brand_found(brand: Brand, admins: Iterable[User]) -> Findings:
    people = list(admins)
    if not people:
        yield error(brand.slug, _("It has no administrator."), _("Run manage.py create_user … --role admin."))
    yield from passwords_found(brand, people)
    if not brand.requires_second_factor:
        yield warning(
            brand.slug,
            _("A password alone opens its customers’ data."),
            _("Let it require a second factor of its staff (admin, brand)."),
        )
    if not brand.allowed_hosts:
        yield warning(brand.slug, _("No tracking link can be made."), _("Name the shop’s hosts (admin, brand)."))
    if not (brand.survey_sender and brand.service_sender):
        yield warning(
            brand.slug,
            _("Its mail comes from DEFAULT_FROM_EMAIL, which customers do not know."),
            _("Give it senders for surveys and for replies (admin, brand)."),
        )


def passwords_found(brand: Brand, people: list[User]) -> Findings:
    for user in people[:ADMINS_TRIED]:
        if user.has_usable_password() and user.check_password(PASSWORD):
            text = _("Account %(number)d has the demo’s password, which everybody can read.") % {"number": user.pk}
            yield error(brand.slug, text, _("Run manage.py changepassword, or send a reset."))


def survey_found(brand: Brand, *, is_published: bool) -> Findings:
    if not is_published:
        yield error(brand.slug, _("No survey is published, so nobody is asked."), _("Publish one (admin, surveys)."))
    if brand.asking_paused_at:
        yield warning(brand.slug, _("Asking is paused."), _("Resume it (admin, asking)."))
