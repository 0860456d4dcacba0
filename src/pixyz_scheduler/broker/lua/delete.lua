-- delete(id): cancel, and remove files and record once it has ended: whoever removes finds it in ps:doomed.
-- Answers as cancel does.
local id = ARGV[2]
logical_ms()
if not state_of(id) then return 'unknown' end
redis.call('SADD', 'ps:doomed', id)
return cancelled(id)
