{#- Keys that are there twice, rows that repeat one, and rows with a NULL in the key (which are in neither of the first two). -#}
{% macro default__query(check, relations) -%}
select
    coalesce(sum(copies), 0) as rows_seen,
    count(case when has_null = 0 and copies > 1 then 1 end) as repeated_keys,
    coalesce(sum(case when has_null = 0 then copies - 1 else 0 end), 0) as repetitions,
    coalesce(sum(case when has_null = 1 then copies else 0 end), 0) as null_keys
from (
    select
        count(*) as copies,
        max(case when {% for column in check.columns %}{{ column | identifier }} is null{% if not loop.last %} or {% endif %}{% endfor %} then 1 else 0 end) as has_null
    from {{ relations[0] }} as checked
    group by {% for column in check.columns %}{{ column | identifier }}{% if not loop.last %}, {% endif %}{% endfor %}
) as counted
{%- endmacro %}

{#- Which rows fail, for samples: those of a key that is there twice, and those with a NULL in it. -#}
{% macro default__failing(check, relations) -%}
{%- set keys -%}
{% for column in check.columns %}{{ column | identifier }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endset -%}
({{ keys }}) in (
    select {{ keys }} from {{ relations[0] }} as repeated group by {{ keys }} having count(*) > 1
){% for column in check.columns if not check.null_passes %} or {{ column | identifier }} is null{% endfor %}
{%- endmacro %}
