-- submit(id, queue, wall ms until when, field, value, ...): a new record, in line. 1, or 0 where the id is taken, or -1
-- where it comes too late: a server that was away reads what was sent to it by clients who have given up since.
local id, queue, deadline = ARGV[2], ARGV[3], tonumber(ARGV[4])
if state_of(id) then return 0 end
if wall_ms() > deadline then return -1 end
local k, now, submitted = key(id), logical_ms(), wall_s()
for i = 5, #ARGV, 2 do redis.call('HSET', k, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', k, 'submitted', submitted, 'epoch', 0)
redis.call('ZADD', 'ps:jobs', submitted, id)
local name = redis.call('HGET', k, 'name')
if name and name ~= '' then redis.call('ZADD', 'ps:name:' .. name, submitted, id) end
line_up(id, queue, now, 0)
set_state(id, 'SENT')
local parent = redis.call('HGET', k, 'parent')
if parent and parent ~= '' then
  redis.call('SADD', 'ps:children:' .. parent, id)
  -- Started by a job that was to stop already.
  if redis.call('HGET', key(parent), 'cancel') == '1' then cancel_tree(id, {}) end
end
return 1
