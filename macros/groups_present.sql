{#- Which of the expected groups has no row (in the interval, where `date` says when a row is of). -#}
{% macro present(check, relations, has_zone, instant, clock) -%}
{%- set group = "checked." ~ (check.column | identifier) -%}
with expected (wanted) as (
    values {% for group in check.expect %}({{ group | literal }}){% if not loop.last %}, {% endif %}{% endfor %}
),
arrived as (
    select
        {{ group }} as present,
        count(*) as row_count,
{%- if check.date is not none %}
{%- set date = "checked." ~ (check.date | identifier) %}
        count(case
            when {{ has_zone }} then case
                when cast({{ date }} as {{ instant }}) >= cast({{ check.within.instant_from | literal }} as {{ instant }})
                    and cast({{ date }} as {{ instant }}) < cast({{ check.within.instant_to | literal }} as {{ instant }}) then 1
            end
            when cast({{ date }} as {{ clock }}) >= cast({{ check.within.from | literal }} as {{ clock }})
                and cast({{ date }} as {{ clock }}) < cast({{ check.within.to | literal }} as {{ clock }}) then 1
        end) as counted
{%- else %}
        count(*) as counted
{%- endif %}
    from {{ relations[0] }} as checked
    group by {{ group }}
),
landed as (
    select present from arrived where counted > 0
),
absent as (
    select expected.wanted
    from expected
    left join landed on landed.present = expected.wanted
    where landed.present is null
),
head as (
    select
        (select coalesce(sum(row_count), 0) from arrived) as rows_seen,
        (select count(*) from expected) as expected,
        (select count(*) from absent) as missing,
        (select count(*) from landed left join expected on expected.wanted = landed.present where expected.wanted is null) as others
),
listed as (
    select row_number() over (order by wanted) as item, {{ "wanted" | text }} as missing_group from absent
)
select head.rows_seen, head.expected, head.missing, head.others, listed.item, listed.missing_group
from head
left join listed on listed.item <= {{ check.most }}
order by listed.item
{%- endmacro %}

{% macro default__listing(check, relations) -%}
{{ present(check, relations, "lower(typeof(checked." ~ ((check.date or check.column) | identifier) ~ ")) like '%with time zone'", "timestamp with time zone", "timestamp") }}
{%- endmacro %}

{% macro postgres__listing(check, relations) -%}
{{ present(check, relations, "pg_typeof(checked." ~ ((check.date or check.column) | identifier) ~ ") = 'timestamp with time zone'::regtype", "timestamp with time zone", "timestamp") }}
{%- endmacro %}

{#- Spark's `timestamp` is an instant; the one without zone is `timestamp_ntz`. -#}
{% macro spark__listing(check, relations) -%}
{{ present(check, relations, "typeof(checked." ~ ((check.date or check.column) | identifier) ~ ") = 'timestamp'", "timestamp", "timestamp_ntz") }}
{%- endmacro %}
