{#- Whether keys are unique and found on the other side, in one pass grouped by the key.
    relations: the side that is grouped, and the other one where there is one.
    check.key, check.other_key; check.unique: whether the key, with check.within where there is one, is there once; check.forward: whether each key
    is found on the other side; check.backward: whether the other side's keys are found here. Doubts in this order. Nothing is rendered where such a
    pass would not be cheaper than the checks by themselves. -#}

{#- Grouped by the key, the numbers within it are a set of bits. -#}
{% macro duckdb__query(check, relations) -%}
{%- if check.within is not none or check.forward or check.backward -%}
{%- set key = check.key | identifier -%}
{%- if check.within is not none -%}
{%- set within = check.within | identifier -%}
with few as (
    select coalesce(min({{ within }}) >= 0 and max({{ within }}) <= 62, false) as holds from {{ relations[0] }}
),
{% else -%}
with {% endif -%}
keyed as (
    select
        {{ key }} as key,
        {% if check.within is not none %}count(*) = bit_count(bit_or(1::bigint << {{ within }})){% else %}count(*) = 1{% endif %} as once,
        true as here
    from {{ relations[0] }}{% if check.within is not none %}
    where (select holds from few){% endif %}
    group by {{ key }}
){% if relations | length > 1 %},
other as (
    select {{ check.other_key | identifier }} as other_key, true as there from {{ relations[1] }}
){% endif %}
select
    (select count(*) from {{ relations[0] }}) as rows_seen,
    {% if relations | length > 1 %}(select count(*) from {{ relations[1] }}){% else %}0{% endif %} as rows_seen_of_other
    {%- if check.unique %},
    {% if check.within is not none %}case when (select holds from few) then {% endif %}count(case when here and (once is not true or key is null) then 1 end){% if check.within is not none %} else 1 end{% endif %} as doubtful_unique
    {%- endif %}
    {%- if check.forward %},
    count(case when here and there is null then 1 end){% if check.within is not none %} + case when (select holds from few) then 0 else 1 end{% endif %} as doubtful_forward
    {%- endif %}
    {%- if check.backward %},
    count(case when there and here is null then 1 end) as doubtful_backward
    {%- endif %}
from keyed{% if relations | length > 1 %} full join other on key = other_key{% endif %}
{%- endif %}
{%- endmacro %}

{#- One whole number for each key sorts faster than pairs are grouped. Where all of them differ, the keys do, whatever the columns hold. -#}
{% macro postgres__query(check, relations) -%}
{%- if not check.forward and not check.backward -%}
select
    count(*) as rows_seen,
    0 as rows_seen_of_other,
    count(*) - count(distinct {% if check.within is not none %}({{ check.key | identifier }})::bigint * 1048576 + ({{ check.within | identifier }})::bigint{% else %}{{ check.key | identifier }}{% endif %}) as doubtful_unique
from {{ relations[0] }}
{%- endif %}
{%- endmacro %}
