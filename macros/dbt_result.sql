{#- A test that dbt ran: the least number of rows of any relation that it is about, and when each source behind them landed. -#}
{% macro rows(check, relations, least) -%}
{% if check.about > 1 %}{{ least }}({% endif %}{% for relation in relations[:check.about] %}(select count(*) from {{ relation }} as checked){% if not loop.last %}, {% endif %}{% endfor %}{% if check.about > 1 %}){% endif %} as rows_seen
{%- for relation in relations[check.about:] %},
    (select max({{ check.loaded_at[loop.index0] }}) from {{ relation }} as source_rows) as landed_{{ loop.index }}
{%- endfor %}
{%- endmacro %}

{% macro default__query(check, relations) -%}
select
    {{ rows(check, relations, "least") }}
{%- endmacro %}

{% macro sqlite__query(check, relations) -%}
select
    {{ rows(check, relations, "min") }}
{%- endmacro %}
