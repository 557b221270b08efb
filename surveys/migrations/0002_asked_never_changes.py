from django.db import migrations, models

# Not a rule of the services alone: whatever writes (a shell, a later migration), what somebody was asked stays what it
# was. A version counts as asked as soon as an invitation refers to it.
REFUSE = """
CREATE FUNCTION surveys_refuse_change_of_asked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    survey bigint;
BEGIN
    IF TG_TABLE_NAME = 'surveys_survey' THEN
        survey := OLD.id;
    ELSIF TG_OP = 'INSERT' THEN
        survey := NEW.survey_id;
    ELSE
        survey := OLD.survey_id;
    END IF;
    IF EXISTS (SELECT FROM surveys_invitation WHERE survey_id = survey) THEN
        RAISE EXCEPTION 'Survey % has been asked and never changes: make a new version.', survey
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER survey_asked_never_changes BEFORE UPDATE ON surveys_survey FOR EACH ROW
WHEN ((OLD.brand_id, OLD.wave, OLD.version, OLD.mail_texts)
      IS DISTINCT FROM (NEW.brand_id, NEW.wave, NEW.version, NEW.mail_texts))
EXECUTE FUNCTION surveys_refuse_change_of_asked();

CREATE TRIGGER question_asked_never_changes BEFORE UPDATE ON surveys_question FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION surveys_refuse_change_of_asked();

CREATE TRIGGER question_asked_never_comes_or_goes BEFORE INSERT OR DELETE ON surveys_question FOR EACH ROW
EXECUTE FUNCTION surveys_refuse_change_of_asked();
"""
LET = """
DROP TRIGGER survey_asked_never_changes ON surveys_survey;
DROP TRIGGER question_asked_never_changes ON surveys_question;
DROP TRIGGER question_asked_never_comes_or_goes ON surveys_question;
DROP FUNCTION surveys_refuse_change_of_asked();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("surveys", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="survey",
            name="edits",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="times edited"),
        ),
        migrations.RunSQL(REFUSE, LET),
    ]
