-- Counts the transactions that are not ended by their state. KEYS: those not ended.
local counts = {open = 0, preparing = 0, ['pre-committed'] = 0, committed = 0, aborted = 0}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local summary = redis.call('HGET', '{synod:tx}' .. id, 's') or ''
  local state = string.match(summary, '"state":"([%a-]+)"')
  if state and counts[state] then counts[state] = counts[state] + 1 end
end
local told = {}
for state, count in pairs(counts) do told[#told + 1] = state; told[#told + 1] = tostring(count) end
return told
