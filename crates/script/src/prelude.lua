-- What every script finds, built from the functions of the interpreter's own libraries and of `native`, which are
-- ours. Runs once in a state of its own before the script does; nothing here outlives the call.
--
-- Errors of native functions are raised here, in Lua: a script must find strings and tables in `pcall`, as in Redis.
local native, keys, argv = ...

local error, pairs, rawget, rawset, select, type = error, pairs, rawget, rawset, select, type
local getmetatable, setmetatable, next, tostring, unpack = getmetatable, setmetatable, next, tostring, unpack
local pcall, xpcall, setfenv, loadstring = pcall, xpcall, setfenv, loadstring
local string, table, coroutine, concat = string, table, coroutine, table.concat

-- Tables that a script may read and not write: an empty table stands for the one behind it.
local behind = {}
local globals = {}
local READONLY = 'Attempt to modify a readonly table'

local function refuse_write()
  error(READONLY, 2)
end

-- What a script gets for the metatable of such a table.
local sealed = setmetatable({}, { __newindex = refuse_write, __metatable = false })

local function readonly(content, metatable)
  local face = {}
  metatable = metatable or {}
  metatable.__index = content
  metatable.__newindex = refuse_write
  metatable.__metatable = sealed
  behind[face] = content
  return setmetatable(face, metatable)
end

-- What was caught, as the script may see it. An error that says that a budget is spent goes on.
local function seen(err)
  if type(err) == 'userdata' or err == 'not enough memory' then
    local fatal, value = native.caught(err)
    if fatal then
      error(err, 0)
    end
    return value
  end
  return err
end

local function passed(ok, first, ...)
  if not ok then
    return false, seen(first)
  end
  return ok, first, ...
end

local G = {
  _VERSION = _VERSION, assert = assert, error = error, ipairs = ipairs, rawequal = rawequal,
  select = select, tonumber = tonumber, type = type, unpack = native.unpack, KEYS = keys, ARGV = argv,
}

-- Redis's pcall gives the text of an error that is a table, so that old scripts go on to find a string.
local function worded(ok, first, ...)
  if not ok and type(first) == 'table' and type(rawget(first, 'err')) == 'string' then
    return false, rawget(first, 'err')
  end
  return ok, first, ...
end

function G.pcall(...)
  return worded(passed(pcall(...)))
end

function G.xpcall(run, handler)
  local function handle(err)
    if type(err) == 'userdata' or err == 'not enough memory' then
      local fatal, value = native.caught(err)
      if fatal then
        return err
      end
      err = value
    end
    return handler(err)
  end
  return passed(xpcall(run, handle))
end

-- Where an object lies differs from replica to replica: neither its address nor the order of tables that have
-- objects for keys can be seen.
local UNORDERED = { table = true, ['function'] = true, thread = true, userdata = true }

local function next_of(t, key)
  local k, v = next(behind[t] or t, key)
  if UNORDERED[type(k)] then
    error('a table whose keys are objects has no order that is the same on every replica', 2)
  end
  return k, v
end

G.next = next_of

function G.pairs(t)
  if type(t) ~= 'table' then
    error("bad argument #1 to 'pairs' (table expected, got " .. (t == nil and 'nil' or type(t)) .. ')', 2)
  end
  return next_of, t, nil
end

function G.tostring(...)
  local value = ...
  local kind = type(value)
  if value == native.null then
    return 'userdata: (nil)'
  elseif UNORDERED[kind] then
    local metatable = getmetatable(value)
    if type(metatable) ~= 'table' or rawget(metatable, '__tostring') == nil then
      return kind .. ': 0x000000000000'
    end
  end
  return tostring(...)
end

function G.setmetatable(t, metatable)
  if type(t) ~= 'table' then
    error("bad argument #1 to 'setmetatable' (table expected, got " .. type(t) .. ')', 2)
  elseif behind[t] then
    error(READONLY, 0)
  end
  return setmetatable(t, metatable)
end

function G.getmetatable(t)
  local metatable = getmetatable(t)
  if type(t) == 'string' then
    return globals.string_metatable
  end
  return metatable
end

function G.rawset(t, key, value)
  if behind[t] then
    error(READONLY, 0)
  end
  return rawset(t, key, value)
end

function G.rawget(t, key)
  return rawget(behind[t] or t, key)
end

function G.collectgarbage(option)
  if option == nil or option == 'collect' or option == 'count' or option == 'step' or option == 'stop'
    or option == 'restart' or option == 'setpause' or option == 'setstepmul' then
    return 0
  end
  error("bad argument #1 to 'collectgarbage' (invalid option '" .. G.tostring(option) .. "')", 2)
end

function G.gcinfo()
  return 0
end

-- Source text only: compiled chunks could forge values that the interpreter trusts.
local function load_text(text, name)
  if text:byte(1) == 27 then
    return nil, 'compiled chunks are not loaded'
  end
  local chunk, err = loadstring(text, name)
  if chunk == nil then
    return nil, err
  end
  return setfenv(chunk, globals.face)
end

function G.loadstring(text, name)
  if type(text) ~= 'string' and type(text) ~= 'number' then
    error("bad argument #1 to 'loadstring' (string expected, got " .. type(text) .. ')', 2)
  end
  return load_text(text .. '', name)
end

function G.load(reader, name)
  if type(reader) ~= 'function' then
    error("bad argument #1 to 'load' (function expected, got " .. type(reader) .. ')', 2)
  end
  local pieces = {}
  while true do
    local piece = reader()
    if piece == nil or piece == '' then
      break
    end
    if type(piece) ~= 'string' then
      return nil, 'reader function must return a string'
    end
    pieces[#pieces + 1] = piece
  end
  return load_text(concat(pieces), name or '=(load)')
end

-- A coroutine counts its own instructions; beginning one is charged for what it may run before it is counted.
local co = {}
for _, name in ipairs({ 'running', 'status', 'yield' }) do
  co[name] = coroutine[name]
end
function co.create(run)
  native.charge(native.COROUTINE)
  return coroutine.create(run)
end
function co.resume(...)
  return passed(coroutine.resume(...))
end
function co.wrap(run)
  native.charge(native.COROUTINE)
  local thread = coroutine.create(run)
  local function answer(ok, ...)
    if ok then
      return ...
    end
    error((...), 0)
  end
  return function(...)
    return answer(passed(coroutine.resume(thread, ...)))
  end
end
G.coroutine = readonly(co)

-- The libraries, without what would let a script out or make replicas differ.
string.dump = nil
table.foreach = function(t, visit)
  for k, v in next_of, t, nil do
    local result = visit(k, v)
    if result ~= nil then
      return result
    end
  end
end
math.random, math.randomseed = native.random, native.randomseed
G.string, G.table, G.math = readonly(string), readonly(table), readonly(math)
getmetatable('').__index = string
globals.string_metatable = readonly({ __index = G.string })

for name, library in pairs(native.libraries) do
  G[name] = readonly(library)
end

-- redis.*
local redis = native.redis
function redis.error_reply(...)
  local text = ...
  if select('#', ...) ~= 1 or type(text) ~= 'string' then
    return { err = 'ERR wrong number or type of arguments' }
  end
  return { err = native.error_text(text) }
end
function redis.status_reply(...)
  local text = ...
  if select('#', ...) ~= 1 or type(text) ~= 'string' then
    return { err = 'ERR wrong number or type of arguments' }
  end
  return { ok = text }
end
function redis.replicate_commands()
  return true
end
function redis.breakpoint()
  return false
end
function redis.debug() end
G.redis = readonly(redis)

-- The globals: read where they stand, never written.
setmetatable(G, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
})
globals.face = readonly(G)
G._G = globals.face

local function traced(err)
  if type(err) == 'userdata' or err == 'not enough memory' then
    local fatal, value = native.caught(err)
    if fatal then
      return err
    end
    err = value
  end
  if type(err) ~= 'table' then
    err = { err = 'ERR ' .. G.tostring(err) }
  elseif behind[err] then
    err = {}
  end
  local source, line = native.position()
  rawset(err, 'source', source)
  rawset(err, 'line', line)
  return err
end

-- Runs a function of the script's: whether it ended well, and its first value or its error.
local function run(chunk, ...)
  local arguments, count = { ... }, select('#', ...)
  local ok, value = xpcall(function()
    return (chunk(unpack(arguments, 1, count)))
  end, traced)
  return ok, value
end

-- Libraries of functions. While one is loaded it sees `redis` alone, and of that what may be used then; its functions
-- see what scripts see, and may not register others.
local library = { registered = {} }

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local function refuse(text)
  error({ err = 'ERR ' .. text }, 0)
end

local NAME = 'Library names can only contain letters, numbers, or underscores(_) and must be at least one character long'

-- A string, or a number as one; nil for anything else.
local function text_of(value)
  if type(value) == 'string' or type(value) == 'number' then
    return value .. ''
  end
  return nil
end

local function flags_of(list)
  if type(list) ~= 'table' then
    refuse('flags argument to redis.register_function must be a table representing function flags')
  end
  local flags = {}
  for _, flag in ipairs(list) do
    local bit = native.flags[(text_of(flag) or ''):lower()]
    if bit == nil then
      refuse('unknown flag given')
    end
    flags[bit] = true
  end
  return flags
end

local function read_named(given)
  local read = { flags = {} }
  for key, value in next_of, given, nil do
    local word = text_of(key)
    if word == nil then
      refuse('named argument key given to redis.register_function is not a string')
    end
    word = word:lower()
    if word == 'function_name' then
      read.name = text_of(value) or refuse('function_name argument given to redis.register_function must be a string')
    elseif word == 'description' then
      read.description = text_of(value)
        or refuse('description argument given to redis.register_function must be a string')
    elseif word == 'callback' then
      read.callback = type(value) == 'function' and value
        or refuse('callback argument given to redis.register_function must be a function')
    elseif word == 'flags' then
      read.flags = flags_of(value)
    else
      refuse('unknown argument given to redis.register_function')
    end
  end
  if read.name == nil then
    refuse('redis.register_function must get a function name argument')
  elseif read.callback == nil then
    refuse('redis.register_function must get a callback argument')
  end
  return read
end

local function read_arguments(count, first, callback)
  if count < 1 or count > 2 then
    refuse('wrong number of arguments to redis.register_function')
  elseif count == 1 then
    if type(first) ~= 'table' then
      refuse('calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).')
    end
    return read_named(first)
  end
  local name = text_of(first)
  if name == nil then
    refuse('first argument to redis.register_function must be a string')
  elseif type(callback) ~= 'function' then
    refuse('second argument to redis.register_function must be a function')
  end
  return { name = name, callback = callback, flags = {} }
end

local api = { log = redis.log, REDIS_VERSION = redis.REDIS_VERSION, REDIS_VERSION_NUM = redis.REDIS_VERSION_NUM }
for _, level in ipairs({ 'LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING' }) do
  api[level] = redis[level]
end

function api.register_function(...)
  if not library.loading then
    refuse('redis.register_function can only be called on FUNCTION LOAD command')
  end
  local read = read_arguments(select('#', ...), ...)
  if not read.name:find('^[%w_]+$') then
    refuse(NAME)
  end
  for _, other in ipairs(library.registered) do
    if other.name:lower() == read.name:lower() then
      refuse('Function already exists in the library')
    end
  end
  library.registered[#library.registered + 1] = read
end

local protection = {}
library.loading = true
library.face = readonly(setmetatable({ redis = readonly(setmetatable(api, { __index = missing })) }, { __index = missing }), protection)

-- The text of the library has run.
function library.open()
  library.loading = false
  protection.__index = G
  behind[library.face] = G
end

return globals.face, run, library
