{#- What each engine sums up where the rows of two relations are compared by checksums (`strategy: checksums`). A value must have the same text on every engine, and
    another value another text: nothing may be rounded but floats to `check.digits`. A text that cannot be the same is not rendered: the rows are streamed then.

    cell: `check.column` of the type `check.sort` as text that is compared as `check.class`; `~` is NULL, which no value is written as.
    sum: the sum of a column of exact numbers, as text.
    segments: of each segment of keys its number, its rows, the sums of both halves of their md5, and how many keys come again. Segments by ranges of the
    first column of the key, a whole number, or by the first digits of the md5 of the key (`check.by`).
    rows: the rows of some segments by md5.

    Between @ stands what is filled in when the columns are known: @column@; @relation@; @key@, the first column of the key; @keys@ and @cells@, the texts of the
    key and of the row; @salt@, new in each run; @present@, that no column of the key is NULL; @again@, how many keys come again; @in_range@ and @low@ and
    @width@, or @in_hash@ and @segments@ and @digits@, which segments; @sums@. -#}

{#- What no engine of this dialect was shown to write alike. -#}
{% macro default__cell(check, relations) -%}{%- endmacro %}
{% macro default__sum(check, relations) -%}{%- endmacro %}
{% macro default__segments(check, relations) -%}{%- endmacro %}
{% macro default__rows(check, relations) -%}{%- endmacro %}


{% macro postgres__cell(check, relations) -%}
{%- set x = check.column -%}
{%- if check.class == "number" -%}
coalesce(cast({% if check.sort == "exact" %}trim_scale({{ x }}){% else %}{{ x }}{% endif %} as text), '~')
{%- elif check.class == "digits" -%}
{%- set f = "cast(" ~ x ~ " as double precision)" -%}
case when {{ x }} is null then '~'
    when {{ f }} in ('NaN', 'Infinity', '-Infinity') then cast({{ f }} as text)
    when {{ f }} = 0 then '0'
    else ltrim(to_char({{ f }}, '9{% if check.digits > 1 %}.{% endif %}{% for digit in range(check.digits - 1) %}9{% endfor %}EEEE')) end
{%- elif check.class == "text" -%}
coalesce(length(cast({{ x }} as text)) || ':' || cast({{ x }} as text), '~')
{%- elif check.class == "bool" -%}
case when {{ x }} then 't' when not {{ x }} then 'f' else '~' end
{%- elif check.class == "day" -%}
coalesce(cast({{ x }} as text), '~')
{%- elif check.class == "local" -%}
coalesce(cast({% if check.sort == "day" %}cast({{ x }} as timestamp){% else %}{{ x }}{% endif %} as text), '~')
{%- elif check.class == "instant" -%}
coalesce(cast({{ x }} at time zone 'UTC' as text), '~')
{%- endif -%}
{%- endmacro %}

{% macro postgres__sum(check, relations) -%}
coalesce(cast(trim_scale(sum(cast({{ check.column }} as numeric))) as text), '~')
{%- endmacro %}

{#- `offset 0` keeps PostgreSQL from computing the md5 once for each of its halves. -#}
{% macro postgres__segments(check, relations) -%}
select
    {% if check.by == "range" %}(cast(@key@ as bigint) - (@low@)) / @width@{% else %}substr(in_key, 1, @digits@){% endif %} as segment,
    count(*) as rows_there,
    cast(sum(cast(cast('x' || substr(in_row, 1, 16) as bit(64)) as bigint)) as text) as high,
    cast(sum(cast(cast('x' || substr(in_row, 17, 16) as bit(64)) as bigint)) as text) as low,
    @again@ as again@sums@
from (
    select
        rows_of.*,
        {% if check.by == "hash" %}md5(convert_to(concat_ws('|', '@salt@', @keys@), 'UTF8')) as in_key,
        {% endif %}md5(convert_to(concat_ws('|', '@salt@', @cells@), 'UTF8')) as in_row
    from (
{{ relations[0] }}
) as rows_of
    where @present@ and (@in_range@)
    offset 0
) as hashed
{% if check.by == "hash" %}where @in_hash@
{% endif %}group by 1
{%- endmacro %}

{% macro postgres__rows(check, relations) -%}
select rows_of.* from (
{{ relations[0] }}
) as rows_of
where @present@ and substr(md5(convert_to(concat_ws('|', '@salt@', @keys@), 'UTF8')), 1, @digits@) in (@segments@)
{%- endmacro %}


{#- A decimal is written with all places of its type, and without the zero before the point where its type has no room for it. -#}
{% macro duckdb__exact(check, relations) -%}
{%- set x = check.column -%}
coalesce(case when {{ x }} = trunc({{ x }}) then cast(cast({{ x }} as hugeint) as varchar)
    when {{ x }} > -1 and {{ x }} < 1 then case when {{ x }} < 0 then '-0' else '0' end || rtrim(ltrim(cast({{ x }} as varchar), '-0'), '0')
    else rtrim(cast({{ x }} as varchar), '0') end, '~')
{%- endmacro %}

{#- A year before the first stands elsewhere than PostgreSQL writes it. -#}
{% macro duckdb__time(check, relations) -%}
{%- set x = "cast(" ~ check.column ~ " as varchar)" -%}
coalesce(case when contains({{ x }}, '(') then replace({{ x }}, ' (BC)', '') || ' BC' else {{ x }} end, '~')
{%- endmacro %}

{% macro duckdb__cell(check, relations) -%}
{%- set x = check.column -%}
{%- if check.class == "number" and check.sort == "exact" -%}
{{ duckdb__exact(check, relations) }}
{%- elif check.class == "number" -%}
coalesce(cast({{ x }} as varchar), '~')
{%- elif check.class == "digits" -%}
{%- set f = "cast(" ~ x ~ " as double)" if check.sort == "float" else "cast(cast(" ~ x ~ " as varchar) as double)" -%}
case when {{ x }} is null then '~'
    when isnan({{ f }}) then 'NaN'
    when isinf({{ f }}) then case when {{ f }} > 0 then 'Infinity' else '-Infinity' end
    when {{ f }} = 0 then '0'
    else printf('%.{{ check.digits - 1 }}e', {{ f }}) end
{%- elif check.class == "text" -%}
coalesce(length(cast({{ x }} as varchar)) || ':' || cast({{ x }} as varchar), '~')
{%- elif check.class == "bool" -%}
case when {{ x }} then 't' when not {{ x }} then 'f' else '~' end
{%- elif check.class == "day" -%}
{{ duckdb__time({"column": x}, relations) }}
{%- elif check.class == "local" -%}
{{ duckdb__time({"column": "cast(" ~ x ~ " as timestamp)" if check.sort == "day" else x}, relations) }}
{%- elif check.class == "instant" -%}
{{ duckdb__time({"column": "case when isfinite(" ~ x ~ ") then cast(make_timestamp(epoch_us(" ~ x ~ ")) as varchar) else cast(" ~ x ~ " as varchar) end"}, relations) }}
{%- endif -%}
{%- endmacro %}

{% macro duckdb__sum(check, relations) -%}
{%- set x = "sum(" ~ check.column ~ ")" -%}
{%- if check.sort == "exact" -%}{{ duckdb__exact({"column": x}, relations) }}{%- else -%}coalesce(cast({{ x }} as varchar), '~'){%- endif -%}
{%- endmacro %}

{% macro duckdb__segments(check, relations) -%}
select
    {% if check.by == "range" %}(cast(@key@ as bigint) - (@low@)) // @width@{% else %}substr(in_key, 1, @digits@){% endif %} as segment,
    count(*) as rows_there,
    cast(sum(cast('0x' || substr(in_row, 1, 16) as ubigint)) as varchar) as high,
    cast(sum(cast('0x' || substr(in_row, 17, 16) as ubigint)) as varchar) as low,
    @again@ as again@sums@
from (
    select
        rows_of.*,
        {% if check.by == "hash" %}md5(concat_ws('|', '@salt@', @keys@)) as in_key,
        {% endif %}md5(concat_ws('|', '@salt@', @cells@)) as in_row
    from (
{{ relations[0] }}
) as rows_of
    where @present@ and (@in_range@)
) as hashed
{% if check.by == "hash" %}where @in_hash@
{% endif %}group by 1
{%- endmacro %}

{% macro duckdb__rows(check, relations) -%}
select rows_of.* from (
{{ relations[0] }}
) as rows_of
where @present@ and substr(md5(concat_ws('|', '@salt@', @keys@)), 1, @digits@) in (@segments@)
{%- endmacro %}
