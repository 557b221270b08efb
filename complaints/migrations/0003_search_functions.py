"""How words of cases are searched: with accents or without, in the singular or the plural.

PostgreSQL's Spanish stemmer needs the accent: «reclamación» and «reclamaciones» have one stem, «reclamacion» another.
So the accent of -ción is put back first, and words are kept by both their stem and the stem they have without accents.
"""

from django.db import migrations

SPELL = r"""
CREATE FUNCTION complaints_spell(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(lower(said), '([csx])ion\M', '\1ión', 'g');
"""
FOLD = """
CREATE FUNCTION complaints_fold(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(lower(said), 'áàâãäéèêëíìîïóòôõöúùûüçñ', 'aaaaaeeeeiiiiooooouuuucn');
"""
# A case is read in the language it was written in; whatever is neither English nor Portuguese as Spanish.
WORDS = """
CREATE FUNCTION complaints_words(said text, language text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE left(language, 2)
    WHEN 'en' THEN to_tsvector('pg_catalog.english', complaints_fold(said))
    WHEN 'pt' THEN to_tsvector('pg_catalog.portuguese', lower(said))
        || to_tsvector('pg_catalog.portuguese', complaints_fold(said))
    ELSE to_tsvector('pg_catalog.spanish', complaints_spell(said))
        || to_tsvector('pg_catalog.spanish', complaints_fold(said))
END;
"""
# One word of a search, in every language that a case may have been read in; where it is only begun, whatever begins
# so as well. Nothing where it is a filler in one of them: no case of that language holds it.
QUERY = """
CREATE FUNCTION complaints_query(word text, is_begun boolean) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN numnode(plainto_tsquery('pg_catalog.english', complaints_fold(word))) = 0
        OR numnode(plainto_tsquery('pg_catalog.portuguese', lower(word))) = 0
        OR numnode(plainto_tsquery('pg_catalog.spanish', lower(word))) = 0
        OR numnode(plainto_tsquery('pg_catalog.spanish', complaints_fold(word))) = 0
    THEN ''::tsquery
    ELSE plainto_tsquery('pg_catalog.spanish', complaints_spell(word))
        || plainto_tsquery('pg_catalog.spanish', complaints_fold(word))
        || plainto_tsquery('pg_catalog.english', complaints_fold(word))
        || plainto_tsquery('pg_catalog.portuguese', lower(word))
        || plainto_tsquery('pg_catalog.portuguese', complaints_fold(word))
        || CASE WHEN is_begun THEN to_tsquery('pg_catalog.simple', complaints_fold(word) || ':*') ELSE ''::tsquery END
END;
"""


class Migration(migrations.Migration):
    dependencies = [("complaints", "0002_desk")]

    operations = [
        migrations.RunSQL(SPELL, "DROP FUNCTION complaints_spell(text)"),
        migrations.RunSQL(FOLD, "DROP FUNCTION complaints_fold(text)"),
        migrations.RunSQL(WORDS, "DROP FUNCTION complaints_words(text, text)"),
        migrations.RunSQL(QUERY, "DROP FUNCTION complaints_query(text, boolean)"),
    ]
