-- announce(name, ttl ms, n, queue, ..., field, value, ...): a worker lives and listens on these n queues. ttl 0: it goes.
-- 1 where somebody wants it to leave, else 0
local name, ttl, n = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local k, until_when = 'ps:worker:' .. name, logical_ms() + ttl
local function keep(index)
  if ttl > 0 then redis.call('ZADD', index, until_when, name) else redis.call('ZREM', index, name) end
  redis.call('ZREMRANGEBYSCORE', index, '-inf', until_when - ttl)
end
for i = 5, 4 + n do
  keep('ps:listeners:' .. ARGV[i])
  if redis.call('SCARD', 'ps:served') < MOST_SERVED then redis.call('SADD', 'ps:served', ARGV[i]) end
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', 'ps:workers', '-inf', until_when - ttl)) do
  redis.call('DEL', 'ps:worker:' .. gone)
end
keep('ps:workers')
if ttl == 0 then redis.call('DEL', k) end
if ttl == 0 then return 0 end
redis.call('HSET', k, unpack(ARGV, 5 + n))
return redis.call('HGET', k, 'drain') == '1' and 1 or 0
