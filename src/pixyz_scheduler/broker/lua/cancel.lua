-- cancel(id): waiting jobs end at once, running ones are marked and their worker is told; so are the jobs it has started.
-- Answers the state the job has now, cancelling while it is being stopped, or unknown.
local id = ARGV[2]
logical_ms()
if not state_of(id) then return 'unknown' end
return cancelled(id)
