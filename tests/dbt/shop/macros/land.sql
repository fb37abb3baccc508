{% macro land() %}
    {% do run_query("create schema if not exists raw") %}
    {% do run_query("create or replace table raw.orders_raw as select 1 as id, 10 as amount, 1 as customer_id, date '2026-01-01' as ordered_on, now() as loaded_at union all select 2, -5, 1, date '2026-01-02', now() - interval 3 day") %}
    {% do run_query("create or replace table raw.refunds as select 1 as id, now() as loaded_at") %}
    {% do run_query("create or replace table raw.events as select 1 as id, now() - interval 1 hour as at") %}
{% endmacro %}
