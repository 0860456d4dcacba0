-- figures(priorities, state, ...): what is told of the farm, in one look that costs the same however many jobs there are.
-- {jobs in each of these states; queues; names in ps:queues that are counted as other; delayed, parked, held by a lease,
-- waiting for sub-tasks; licence tokens taken, and how many there are ('' where nobody has said); workers; ps:hops; ps:counts}
-- queues: {name, jobs in line, ms that the one has waited that waits longest or -1, living workers that listen}. Of each line
--   its first FIRST are looked at: a job whose doorbell was rung again stands behind.
-- workers: by what they listen on {queues, workers, of them that leave, of the others that are in trouble, slots, busy}; MOST_SERVED at most.
local FIRST = 4
local priorities = tonumber(ARGV[2])
local now, wall = logical_ms(), wall_us()

local states = {}
for i = 3, #ARGV do states[#states + 1] = redis.call('ZCARD', 'ps:state:' .. ARGV[i]) end

local names = {}
for name in pairs(NAMED_QUEUES) do names[#names + 1] = name end
for _, name in ipairs(redis.call('SMEMBERS', 'ps:served')) do
  if not NAMED_QUEUES[name] then names[#names + 1] = name end
end

local queues, others = {}, redis.call('SCARD', 'ps:queues')
for _, name in ipairs(names) do
  local waiting, oldest = 0, -1
  if redis.call('SISMEMBER', 'ps:queues', name) == 1 then
    others = others - 1
    for priority = 0, priorities - 1 do
      local line = line_of(name, priority)
      local some = redis.call('ZRANGE', line, 0, FIRST - 1)
      waiting = waiting + (#some < FIRST and #some or redis.call('ZCARD', line))
      for _, id in ipairs(some) do
        local since = tonumber(redis.call('HGET', key(id), 'lined') or wall)
        oldest = math.max(oldest, 0, math.floor((wall - since) / 1000))
      end
    end
  end
  queues[#queues + 1] = {name, waiting, oldest, redis.call('ZCOUNT', 'ps:listeners:' .. name, '(' .. now, '+inf')}
end

local found, groups, of = 0, {}, {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', 'ps:workers', '(' .. now, '+inf')) do
  local said = redis.call('HMGET', 'ps:worker:' .. name, 'queues', 'slots', 'busy', 'draining', 'trouble')
  local on = said[1] or ''
  if not of[on] and found >= MOST_SERVED then on = 'other' end
  if not of[on] then
    found = found + 1
    of[on] = {on, 0, 0, 0, 0, 0}
    groups[#groups + 1] = of[on]
  end
  local group = of[on]
  group[2] = group[2] + 1
  if said[4] == '1' then
    group[3] = group[3] + 1
  elseif said[5] and said[5] ~= '' then
    group[4] = group[4] + 1
  end
  group[5] = group[5] + (tonumber(said[2]) or 1)
  group[6] = group[6] + (tonumber(said[3]) or 0)
end

return {
  states, queues, others,
  {
    redis.call('ZCARD', 'ps:delayed'), redis.call('ZCARD', 'ps:parked'), redis.call('ZCARD', 'ps:leases'),
    redis.call('ZCARD', 'ps:awaiting'),
  },
  {redis.call('SCARD', 'ps:licences'), redis.call('GET', 'ps:licences:cap') or ''},
  groups, redis.call('HGETALL', 'ps:hops'), redis.call('HGETALL', 'ps:counts'),
}
