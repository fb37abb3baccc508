{#- Which of the expected hours, days, weeks or months has no row, in each group. Grouping makes a NULL group equal to a NULL group. A time with a zone is
    compared with instants, a date or a time without one with the clock of its zone: the type of the column says which, on each row. -#}
{% macro keys(by, prefix) -%}
{% for key in by %}{{ prefix }}key_{{ loop.index }}, {% endfor %}
{%- endmacro %}

{% macro last_keys(by) -%}
{% for key in by %}, key_{{ loop.index }}{% endfor %}
{%- endmacro %}

{% macro read_keys(by) -%}
{% for key in by %}checked.{{ key | identifier }} as key_{{ loop.index }}, {% endfor %}
{%- endmacro %}

{% macro read_group(by) -%}
{% for key in by %}checked.{{ key | identifier }}{% if not loop.last %}, {% endif %}{% endfor %}
{%- endmacro %}

{% macro group_text(by) -%}
{% if by %}{% for key in by %}coalesce({{ ("key_" ~ loop.index) | text }}, 'NULL'){% if not loop.last %} || ', ' || {% endif %}{% endfor %}{% else %}'all'{% endif %}
{%- endmacro %}

{% macro covered(check, relations, has_zone, instant, clock) -%}
{%- set column = "checked." ~ (check.column | identifier) -%}
with slots (slot, clock_from, clock_to, instant_from, instant_to) as (
{%- if check.slots %}
    values
    {%- for slot in check.slots %}
        ({{ slot.name | literal }}, cast({{ slot.from | literal }} as {{ clock }}), cast({{ slot.to | literal }} as {{ clock }}), cast({{ slot.instant_from | literal }} as {{ instant }}), cast({{ slot.instant_to | literal }} as {{ instant }})){% if not loop.last %},{% endif %}
    {%- endfor %}
{%- else %}
    select 'none', cast(null as {{ clock }}), cast(null as {{ clock }}), cast(null as {{ instant }}), cast(null as {{ instant }}) where 1 = 0
{%- endif %}
),
seen as (
    select {{ read_keys(check.by) }}count(*) as row_count, count({{ column }}) as dated
    from {{ relations[0] }} as checked
{%- if check.by %}
    group by {{ read_group(check.by) }}
{%- endif %}
),
in_groups as (
{%- if check.groups is not none %}
    select key_1 from (values {% for group in check.groups %}({{ group | literal }}){% if not loop.last %}, {% endif %}{% endfor %}) as expected (key_1)
{%- else %}
    select {% if check.by %}{% for key in check.by %}key_{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}{% else %}1 as whole{% endif %} from seen
{%- endif %}
),
moments as (
    select distinct
        {{ read_keys(check.by) }}case when {{ has_zone }} then cast({{ column }} as {{ instant }}) end as instant_at,
        case when {{ has_zone }} then null else cast({{ column }} as {{ clock }}) end as clock_at
    from {{ relations[0] }} as checked
    where {{ column }} is not null
),
found as (
    select {{ keys(check.by, "moments.") }}slots.slot
    from moments
    inner join slots on moments.instant_at >= slots.instant_from and moments.instant_at < slots.instant_to
    union
    select {{ keys(check.by, "moments.") }}slots.slot
    from moments
    inner join slots on moments.clock_at >= slots.clock_from and moments.clock_at < slots.clock_to
),
coverage as (
    select {{ keys(check.by, "") }}slot, max(hit) as hit
    from (
        select {{ keys(check.by, "in_groups.") }}slots.slot, 0 as hit, 1 as wanted from in_groups cross join slots
        union all
        select {{ keys(check.by, "found.") }}found.slot, 1 as hit, 0 as wanted from found
    ) as wanted_and_found
    group by {{ keys(check.by, "") }}slot
    having max(wanted) = 1
),
head as (
    select
        (select coalesce(sum(row_count), 0) from seen) as rows_seen,
        (select count(*) from coverage) as expected,
        (select count(*) from coverage where hit = 0) as missing,
        (select coalesce(sum(row_count - dated), 0) from seen) as undated
),
listed as (
    select row_number() over (order by slot{{ last_keys(check.by) }}) as item, slot, {{ group_text(check.by) }} as in_group
    from coverage
    where hit = 0
)
select head.rows_seen, head.expected, head.missing, head.undated, listed.item, listed.slot, listed.in_group
from head
left join listed on listed.item <= {{ check.most }}
order by listed.item
{%- endmacro %}

{% macro default__listing(check, relations) -%}
{{ covered(check, relations, "lower(typeof(checked." ~ (check.column | identifier) ~ ")) like '%with time zone'", "timestamp with time zone", "timestamp") }}
{%- endmacro %}

{% macro postgres__listing(check, relations) -%}
{{ covered(check, relations, "pg_typeof(checked." ~ (check.column | identifier) ~ ") = 'timestamp with time zone'::regtype", "timestamp with time zone", "timestamp") }}
{%- endmacro %}

{#- Spark's `timestamp` is an instant; the one without zone is `timestamp_ntz`. -#}
{% macro spark__listing(check, relations) -%}
{{ covered(check, relations, "typeof(checked." ~ (check.column | identifier) ~ ") = 'timestamp'", "timestamp", "timestamp_ntz") }}
{%- endmacro %}
