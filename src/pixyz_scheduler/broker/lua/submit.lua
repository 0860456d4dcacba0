-- submit(id, queue, wall ms until when, list, message, field, value, ...): a new record, and its doorbell: a message for
-- a list; where the message is empty the caller rings. 1 in line, 2 where it waits for others or has
-- ended at once (one of those has failed, or its parent was cancelled), 0 where the id is taken, or -1 where it comes too
-- late: a server that was away reads what was sent to it by clients who have given up since.
local id, queue, deadline = ARGV[2], ARGV[3], tonumber(ARGV[4])
if state_of(id) then return 0 end
if wall_ms() > deadline then return -1 end
local k, now, submitted = key(id), logical_ms(), wall_s()
write(k, 7)
redis.call('HSET', k, 'submitted', submitted, 'epoch', 0)
redis.call('ZADD', 'ps:jobs', submitted, id)
local got = redis.call('HMGET', k, 'name', 'parent')
if got[1] and got[1] ~= '' then redis.call('ZADD', 'ps:name:' .. got[1], submitted, id) end
local parent = got[2] ~= '' and got[2]
if parent then
  redis.call('SADD', 'ps:children:' .. parent, id)
  redis.call('HSET', k, 'run', redis.call('HGET', key(parent), 'run') or 0)
  count_family(id, 0, 1)
end
local is_in_line = begin(id, queue, now)
if parent and redis.call('HGET', key(parent), 'cancel') == '1' then
  -- Started by a job that was to stop already.
  cancel_tree(id)
  if redis.call('SISMEMBER', 'ps:doomed', parent) == 1 then redis.call('SADD', 'ps:doomed', id) end
  is_in_line = false
end
if is_in_line and ARGV[6] ~= '' then redis.call('LPUSH', ARGV[5], ARGV[6]) end
return is_in_line and 1 or 2
