select 1 as id, 'uk' as country, 'london' as city
