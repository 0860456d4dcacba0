-- restore(id, queue, field, value, ...): a record that the share has kept, where there is none. 1, or 0 where there is one,
-- or 2 where it ends with this: the job that started it was cancelled, as that one's own end tells.
-- With a state among the fields: as it ended, in all indexes. Without: in line, as it was sent; its doorbell is the
-- caller's to ring.
local id, queue = ARGV[2], ARGV[3]
if state_of(id) then return 0 end
local k = key(id)
write(k, 4)
local state = redis.call('HGET', k, 'state')
redis.call('HDEL', k, 'state')
redis.call('HSETNX', k, 'epoch', 0)
local got = redis.call('HMGET', k, 'submitted', 'name', 'parent', 'stopped')
redis.call('ZADD', 'ps:jobs', got[1], id)
if got[2] and got[2] ~= '' then redis.call('ZADD', 'ps:name:' .. got[2], got[1], id) end
if got[3] and got[3] ~= '' then redis.call('SADD', 'ps:children:' .. got[3], id) end

-- Of those that are back already.
local below, seen = {id}, {[id] = true}
while #below > 0 do
  for _, child in ipairs(redis.call('SMEMBERS', 'ps:children:' .. table.remove(below))) do
    local stands = not seen[child] and state_of(child)
    if stands then
      seen[child] = true
      below[#below + 1] = child
      if not TERMINAL[stands] then redis.call('INCR', 'ps:open:' .. id) end
    end
  end
end

if state then
  redis.call('HSET', k, 'queue', queue)
  redis.call('ZADD', 'ps:queue:' .. queue, got[1], id)
  redis.call('ZADD', 'ps:finished', got[4], id)
  set_state(id, state)
  count_family(id, 1, 0)
  return 1
end
redis.call('HDEL', k, 'queue')
count_family(id, 0, 1)
begin(id, queue, logical_ms())
if got[3] and got[3] ~= '' and redis.call('HGET', key(got[3]), 'cancel') == '1' then
  cancel_tree(id)
  return 2
end
return 1
