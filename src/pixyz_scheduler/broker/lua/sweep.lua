-- sweep(limit, ring ms, separator, priorities): what nobody else will do. {expired ids, bells}
-- expired: jobs whose lease ran out, for `decide` and commit(by sweeper).
-- bells: {id, queue, priority} of waiting jobs whose doorbell is gone: a queue that holds fewer messages than
-- jobs in line has lost some, so the longest unheard are rung again, at most once each `ring ms`.
local limit, ring, separator, priorities = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local now = logical_ms()
local expired = redis.call('ZRANGEBYSCORE', 'ps:leases', '-inf', now, 'LIMIT', 0, limit)
local bells = {}
local function bell(id, queue)
  redis.call('HSET', key(id), 'rung', now)
  bells[#bells + 1] = {id, queue, redis.call('HGET', key(id), 'priority')}
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', 'ps:delayed', '-inf', now, 'LIMIT', 0, limit)) do
  local queue = redis.call('HGET', key(id), 'queue')
  redis.call('ZREM', 'ps:delayed', id)
  redis.call('ZADD', 'ps:waiting:' .. queue, now, id)
  redis.call('SADD', 'ps:queues', queue)
  bell(id, queue)
end

for _, queue in ipairs(redis.call('SMEMBERS', 'ps:queues')) do
  local line = 'ps:waiting:' .. queue
  local waiting = redis.call('ZCARD', line)
  if waiting == 0 then
    redis.call('SREM', 'ps:queues', queue)
  else
    local messages = redis.call('LLEN', queue)
    for p = 1, priorities - 1 do messages = messages + redis.call('LLEN', queue .. separator .. p) end
    local missing = math.min(waiting - messages, limit)
    if missing > 0 then
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', line, '-inf', now - ring, 'LIMIT', 0, limit)) do
        if missing <= 0 then break end
        if now - (tonumber(redis.call('HGET', key(id), 'rung')) or 0) >= ring then
          bell(id, queue)
          missing = missing - 1
        end
      end
    end
  end
end
return {expired, bells}
