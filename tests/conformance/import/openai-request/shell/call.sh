# How the clock shop asks.
curl -sS "https://api.openai.com/v1/chat/completions" \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  --data-raw '{
    "model": "gpt-4o",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "What'\''s a pendulum?"}]
  }'
