# Sourced into the client of Redis's Tcl suite right before it begins. It wraps procedures of the suite from outside, alike for
# every server that is measured:
#  - each test leaves one line: status, name, error;
#  - an error reply outside of a test is a value, not the end of the file;
#  - a reply or a condition is waited for a bounded time;
#  - after a test that raised, the main connection is a new one.
# From the environment: SUITE_LINES, SUITE_REPLY_MS, SUITE_WAIT_MS.

namespace eval suite {
    variable name {}      ;# the test that runs, or empty
    variable inside 0     ;# how many tests deep
    variable nesting 0    ;# how many replies deep (arrays)
    variable raised 0     ;# did the body of the last test raise,
    variable error {}     ;# and what
}

proc suite::line {status error} {
    set fields {}
    foreach field [list $status $::suite::name $error] {
        lappend fields [string range [string map {\t { } \n { } \r {} \0 {}} $field] 0 500]
    }
    set file [open $::env(SUITE_LINES) a]
    fconfigure $file -encoding utf-8
    puts $file [join $fields \t]
    close $file
}

rename send_data_packet suite_packet
proc send_data_packet {fd status data {elapsed 0}} {
    switch $status {
        ok { ::suite::line ok {} }
        ignore - skip { ::suite::line skip $data }
        err { ::suite::line fail [expr {$::suite::raised ? $::suite::error : [lindex [split $data \n] 1]}] }
    }
    suite_packet $fd $status $data $elapsed
}

proc suite::body {code} {
    set ::suite::raised [expr {[catch {uplevel 1 $code} result options] == 1}]
    set ::suite::error $result
    return -options $options $result
}

rename test suite_test
proc test {name code args} {
    set outer $::suite::name
    set ::suite::name $name
    set ::suite::raised 0
    incr ::suite::inside
    set status [catch {uplevel 1 [list ::suite_test $name [list ::suite::body $code] {*}$args]} result options]
    incr ::suite::inside -1
    if {$::suite::raised && [llength $::servers]} { catch {reconnect} }
    set ::suite::raised 0
    set ::suite::name $outer
    return -options $options $result
}

rename source suite_source
proc source {args} {
    set status [catch {uplevel 1 [list ::suite_source {*}$args]} result options]
    if {$status == 1 && [string match tests/* [lindex $args end]]} {
        ::suite::line abort $result
        return
    }
    return -options $options $result
}

rename wait_for_condition suite_wait
proc wait_for_condition {tries delay args} {
    set most [expr {max(1, $::env(SUITE_WAIT_MS) / max(1, $delay))}]
    uplevel 1 [list ::suite_wait [expr {min([uplevel 1 [list expr $tries]], $most)}] $delay {*}$args]
}

proc suite::readable {fd} {
    if {[catch {chan pending input $fd} pending] || $pending > 0} { return 1 }
    set ::suite::ready($fd) {}
    fileevent $fd readable [list set ::suite::ready($fd) 1]
    set timer [after $::env(SUITE_REPLY_MS) [list set ::suite::ready($fd) 0]]
    vwait ::suite::ready($fd)
    after cancel $timer
    catch {fileevent $fd readable {}}
    return $::suite::ready($fd)
}

namespace eval ::redis {
    rename redis_read_reply suite_read_reply
    proc redis_read_reply {id fd args} {
        if {$::suite::nesting == 0 && ![::suite::readable $fd]} {
            catch {close $fd}
            set ::redis::fd($id) {}
            return -code error "no reply within $::env(SUITE_REPLY_MS) ms"
        }
        incr ::suite::nesting
        set status [catch {suite_read_reply $id $fd {*}$args} result options]
        incr ::suite::nesting -1
        if {$status == 1 && $::suite::inside == 0 && $::suite::nesting == 0 && [regexp {^[A-Z]+ } $result]} { return $result }
        return -options $options $result
    }
}
