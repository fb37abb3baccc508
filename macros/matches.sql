{#- A row is bad when its text is not shown to match the pattern from its beginning to its end. -#}
{% macro bad(check, matches) -%}
count(*) - count(case when {{ matches }}{% if check.null_passes %} or {{ check.column | identifier }} is null{% endif %} then 1 end)
{%- endmacro %}

{#- Which rows fail, for samples. -#}
{% macro failing(check, matches) -%}
case when {{ matches }}{% if check.null_passes %} or {{ check.column | identifier }} is null{% endif %} then 0 else 1 end = 1
{%- endmacro %}

{% macro default__bad(check, relations) -%}
{{ bad(check, "regexp_like(" ~ (check.column | identifier) ~ ", " ~ (("^(?:" ~ check.pattern ~ ")$") | literal) ~ ")") }}
{%- endmacro %}

{% macro default__failing(check, relations) -%}
{{ failing(check, "regexp_like(" ~ (check.column | identifier) ~ ", " ~ (("^(?:" ~ check.pattern ~ ")$") | literal) ~ ")") }}
{%- endmacro %}

{% macro duckdb__bad(check, relations) -%}
{{ bad(check, "regexp_full_match(" ~ (check.column | identifier) ~ ", " ~ (check.pattern | literal) ~ ")") }}
{%- endmacro %}

{% macro duckdb__failing(check, relations) -%}
{{ failing(check, "regexp_full_match(" ~ (check.column | identifier) ~ ", " ~ (check.pattern | literal) ~ ")") }}
{%- endmacro %}

{% macro postgres__bad(check, relations) -%}
{{ bad(check, (check.column | identifier) ~ " ~ " ~ (("^(?:" ~ check.pattern ~ ")$") | literal)) }}
{%- endmacro %}

{% macro postgres__failing(check, relations) -%}
{{ failing(check, (check.column | identifier) ~ " ~ " ~ (("^(?:" ~ check.pattern ~ ")$") | literal)) }}
{%- endmacro %}

{#- Java's `$` is true before a last line break, too. -#}
{% macro spark__bad(check, relations) -%}
{{ bad(check, (check.column | identifier) ~ " rlike " ~ (("\\A(?:" ~ check.pattern ~ ")\\z") | literal)) }}
{%- endmacro %}

{% macro spark__failing(check, relations) -%}
{{ failing(check, (check.column | identifier) ~ " rlike " ~ (("\\A(?:" ~ check.pattern ~ ")\\z") | literal)) }}
{%- endmacro %}

{#- Over the distinct values, where another check shows that these are few. -#}
{% macro duckdb__values_if_few(check, relations) -%}
{{ duckdb__bad(check, relations) }}
{%- endmacro %}
