{{ config(alias='events', pre_hook="select 1", post_hook=["select 2"], access='private', group='finance') }}
select * from {{ source('raw','events') }}
