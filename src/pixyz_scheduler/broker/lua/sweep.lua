-- sweep(limit, ring ms, separator, priorities, turn ms): what nobody else will do. {expired ids, bells, ripe ids}
-- turn: with more than 0, who comes within it after another's sweep is told of nothing, at once: a thousand processes
-- that ask cost the store no more than some do.
-- ripe: jobs that ended with others, or have waited for their time: to be settled.
-- expired: jobs whose lease ran out, for `decide` and commit(by sweeper).
-- bells: {id, queue, priority} of waiting jobs whose doorbell is gone: a list that holds fewer messages than there are
-- jobs in its line has lost some, so the longest unheard are rung again, at most once each `ring ms`. Line by line:
-- the many messages of a low priority must not hide that an urgent one is gone.
local limit, ring, separator, priorities = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local turn = tonumber(ARGV[6])
if turn > 0 and not redis.call('SET', 'ps:swept', '1', 'NX', 'PX', turn) then return {{}, {}, {}} end
-- However much was lost, the store is held for some 20 ms only; what is left is next.
local MOST_BELLS = 10
local now = logical_ms()
local expired, bells = {}, roused(limit)

-- A record may have been evicted or deleted by hand: what points to it goes, lest it stop every sweep.
local function due(index)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, limit)) do
    local at = redis.call('HMGET', key(id), 'queue', 'priority')
    if at[1] then
      found[#found + 1] = {id, at[1], at[2] or DEFAULT_PRIORITY}
    else
      redis.call('ZREM', index, id)
    end
  end
  return found
end

for _, job in ipairs(due('ps:leases')) do expired[#expired + 1] = job[1] end

for _, job in ipairs(due('ps:awaiting')) do ripen(job[1], now) end

for _, job in ipairs(due('ps:delayed')) do
  redis.call('ZREM', 'ps:delayed', job[1])
  wait_in_line(job[1], job[2], job[3], now)
  bells[#bells + 1] = job
end

-- Tokens that are free again, the most urgent first. A holder whose record is gone holds nothing.
if redis.call('EXISTS', 'ps:parked') == 1 then
  for _, id in ipairs(redis.call('SMEMBERS', 'ps:licences')) do
    if not redis.call('ZSCORE', 'ps:leases', id) then redis.call('SREM', 'ps:licences', id) end
  end
  local free = tonumber(redis.call('GET', 'ps:licences:cap') or '0') - redis.call('SCARD', 'ps:licences')
  for _, id in ipairs(free > 0 and redis.call('ZRANGE', 'ps:parked', 0, math.min(free, limit) - 1) or {}) do
    local at = redis.call('HMGET', key(id), 'queue', 'priority')
    redis.call('ZREM', 'ps:parked', id)
    if at[1] then
      wait_in_line(id, at[1], at[2] or DEFAULT_PRIORITY, now)
      bells[#bells + 1] = {id, at[1], at[2] or DEFAULT_PRIORITY}
    end
  end
end

for _, queue in ipairs(redis.call('SMEMBERS', 'ps:queues')) do
  local somebody = false
  for priority = 0, priorities - 1 do
    local line = line_of(queue, priority)
    local waiting = redis.call('ZCARD', line)
    if waiting > 0 then
      somebody = true
      local messages = redis.call('LLEN', priority == 0 and queue or queue .. separator .. priority)
      local missing = math.min(waiting - messages, limit, MOST_BELLS * limit - #bells)
      if missing > 0 then
        for _, id in ipairs(redis.call('ZRANGEBYSCORE', line, '-inf', now - ring, 'LIMIT', 0, missing)) do
          if redis.call('EXISTS', key(id)) == 1 then
            redis.call('ZADD', line, now, id)
            bells[#bells + 1] = {id, queue, tostring(priority)}
          else
            redis.call('ZREM', line, id)
          end
        end
      end
    end
  end
  if not somebody then redis.call('SREM', 'ps:queues', queue) end
end
return {expired, bells, redis.call('ZRANGE', 'ps:ripe', 0, limit - 1)}
