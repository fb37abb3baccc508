{#- A row is bad when any of the columns is NULL. -#}
{% macro any_null(columns) -%}
{% for column in columns %}{{ column | identifier }} is null{% if not loop.last %} or {% endif %}{% endfor %}
{%- endmacro %}

{% macro default__bad(check, relations) -%}
count(case when {{ any_null(check.columns) }} then 1 end)
{%- endmacro %}

{#- Distinct values among the bad rows; a NULL among them counts as one value more, so that bad rows never count as none. -#}
{% macro default__distinct_bad(check, relations) -%}
{%- set bad = any_null(check.columns) -%}
{%- set counted = check.count | identifier -%}
count(distinct case when {{ bad }} then {{ counted }} end) + case when count(case when ({{ bad }}) and {{ counted }} is null then 1 end) > 0 then 1 else 0 end
{%- endmacro %}

{#- Over no NULL at all the counts of the columns are the count of the rows: known without a scan. -#}
{% macro duckdb__statistics(check, relations) -%}
{% for column in check.columns %}(count(*) - count({{ column | identifier }})){% if not loop.last %} + {% endif %}{% endfor %}
{%- endmacro %}

{#- Which rows fail, for samples. -#}
{% macro default__failing(check, relations) -%}
{{ any_null(check.columns) }}
{%- endmacro %}
