{#-
about: Each group that another relation lists has rows on some day of the interval.
title: Silent groups
unit: groups
wrong: without a row
counts: things
arguments:
  group: {type: column, about: The group of a row.}
  day: {type: column, about: The day of a row.}
  listed_in: {type: relation, about: "Where all groups are listed, in a column of the same name."}
  only: {type: texts, about: The groups that matter; all that are listed when absent., optional: true}
measures: {silent: count, first_silent: text}
-#}
{% macro default__query(check, relations) -%}
{%- set group, day = check.group | identifier, check.day | identifier -%}
select
    (select count(*) from {{ relations[0] }} as checked) as rows_seen,
    count(*) as silent,
    min(cast(listed.{{ group }} as varchar)) as first_silent
from (select distinct {{ group }} from {{ relations[1] }} as listing) as listed
where listed.{{ group }} not in (
        select checked.{{ group }} from {{ relations[0] }} as checked
        where checked.{{ group }} is not null and checked.{{ day }} >= {{ interval.start }} and checked.{{ day }} < {{ interval.end }}
    )
{%- if check.only is not none %}
    and listed.{{ group }} in ({% for one in check.only %}{{ one | literal }}{% if not loop.last %}, {% endif %}{% endfor %})
{%- endif %}
{%- endmacro %}
