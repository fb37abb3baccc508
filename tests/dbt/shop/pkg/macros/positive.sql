{% test positive(model, column_name, strictly=true) %}
select * from {{ model }} where {{ column_name }} {% if strictly %}<={% else %}<{% endif %} 0
{% endtest %}
