# Starts one child after another for a worker thread, relays their output and reports their ends: what launcher.py does, in
# the same way, for machines without Python. Only what every installation of Perl has is used.
use strict;
use warnings;
use Config;
use Cwd qw(realpath);
use Errno qw(EINTR ENOEXEC);
use POSIX qw(WNOHANG setsid);
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

use constant {
    STDOUT_OPEN => 1,
    STDERR_OPEN => 2,
    NOT_ALONE   => 4,
    CHUNK       => 65_536,
    # Perl runs a signal's handler between two of its own operations: one that comes right before `select` goes unnoticed
    # there, so while a child runs, `select` does not wait longer than this.
    LONGEST_WAIT_SECONDS   => 0.05,
    PR_SET_CHILD_SUBREAPER => 36,
    PR_GET_CHILD_SUBREAPER => 37,
};

# What a terminal or a supervisor may send to all processes of the service, and what a reader's end would bring.
my @IGNORED = qw(HUP INT TERM PIPE);
# The number of prctl(2), by the architecture that Perl was built for.
my %PRCTL = (x86_64 => 157, aarch64 => 167, arm64 => 167, riscv64 => 167, s390x => 172, powerpc64le => 171, ppc64le => 171);

my $subreaper = become_subreaper();
my $pid       = 0;     # of the child that runs
my $ended     = 0;     # whether a child has ended since the last look
my $lingering = 0;     # the child has ended, and others hold its output
my $requests  = '';
my $replies   = '';
# The reading ends of the child's output and the kind of their messages, and the writing ends. They serve the next child too
# if nothing else can write to them any more.
my @outputs;
my @writers;

open my $null, '<', '/dev/null' or die "cannot open /dev/null: $!\n";
$SIG{$_} = 'IGNORE' for @IGNORED;
$SIG{CHLD} = sub { $ended = 1 };
tell_('R', $subreaper ? 'subreaper' : '');
my $lost = 0;
until ($lost) {
    flush_() or last;
    my $ready = '';
    vec($ready, $_, 1) = 1 for 0, map { fileno $_->{reader} } @outputs;
    my $found = $ended ? 0 : select($ready, undef, undef, $pid ? LONGEST_WAIT_SECONDS : undef);
    relay_all($ready) if $found > 0;
    # By now all that the child wrote is relayed, unless it wrote more than one chunk.
    if ($ended || $found <= 0) {
        $ended = 0;
        reap();
    }
    # Last: a request may close outputs and open others under the same numbers.
    $lost = !take_requests() if $found > 0 && vec($ready, 0, 1);
}
end_();

sub tell_ {
    my ($kind, $payload) = @_;
    $replies .= pack('aV', $kind, length $payload) . $payload;
}

# False when nobody reads any more.
sub flush_ {
    while (length $replies) {
        my $written = syswrite STDOUT, $replies;
        if (defined $written) { substr($replies, 0, $written) = '' }
        elsif ($! != EINTR)   { return 0 }
    }
    return 1;
}

# False when the thread has closed its end.
sub take_requests {
    my $read = sysread STDIN, $requests, CHUNK, length $requests;
    return $! == EINTR unless defined $read;
    return 0 if $read == 0;
    while (length $requests >= 4) {
        my $length = unpack 'V', $requests;
        last if length $requests < 4 + $length;
        my $request = substr $requests, 4, $length;
        substr($requests, 0, 4 + $length) = '';
        release();
        # A request to look at a file. A disk that hangs holds this process, which the thread can do without.
        if ($request =~ s/^\?\0//) { look(split /\0/, $request, -1) }
        elsif (length $request) { start($request) }
    }
    return 1;
}

sub look {
    my ($file, @roots) = @_;
    my @found = stat $file or return tell_('L', $! + 0);
    my $kind = -f _ ? 'f' : -d _ ? 'd' : -p _ ? 'p' : -S _ ? 's' : 'o';
    my @paths = map { realpath($_) // $_ } $file, @roots;
    tell_('L', join "\0", 0, $kind, $found[7], $found[9] * 1000 + 999, "@found[0, 1, 2, 10]", @paths);
}

# The job is over: whoever still holds its output writes to nobody.
sub release { @outputs = () unless @writers }

sub start {
    my ($count, @fields) = split /\0/, $_[0], -1;
    my @arguments = splice @fields, 0, $count;
    $lingering = 0;
    @outputs || open_outputs() or return tell_('F', pack 'V', $!);
    # Closes by itself when the child has become the program; else the reason comes through it. Not a pipe: the program
    # could open that through /proc while this process has not read yet, and forge a failure.
    socketpair my $reader, my $failure, AF_UNIX, SOCK_STREAM, PF_UNSPEC or return tell_('F', pack 'V', $!);
    my $child = fork;
    return tell_('F', pack 'V', $!) unless defined $child;
    become($failure, \@arguments, \@fields) if $child == 0;
    close $failure;
    my $errno = '';
    while (!defined sysread $reader, $errno, 4) { last if $! != EINTR }
    if (length $errno) {
        waitpid $child, 0;
        return tell_('F', $errno);
    }
    $pid = $child;
    tell_('S', pack 'V', $pid);
}

# In the child: does not return.
sub become {
    my ($failure, $arguments, $fields) = @_;
    setsid();
    POSIX::dup2(fileno $null,       0);
    POSIX::dup2(fileno $writers[0], 1);
    POSIX::dup2(fileno $writers[1], 2);
    $SIG{$_} = 'DEFAULT' for @IGNORED, 'CHLD';
    %ENV = map { split /=/, $_, 2 } @$fields;
    no warnings 'exec';
    # An empty file would be run as a script, which succeeds.
    if   (-z $arguments->[0]) { $! = ENOEXEC }
    else                      { exec { $arguments->[0] } @$arguments }
    syswrite $failure, pack 'V', $!;
    POSIX::_exit(127);
}

sub open_outputs {
    pipe my $stdout, my $child_stdout or return 0;
    pipe my $stderr, my $child_stderr or return 0;
    @outputs = ({ reader => $stdout, kind => 'O' }, { reader => $stderr, kind => 'E' });
    @writers = ($child_stdout, $child_stderr);
    return 1;
}

sub relay_all {
    my ($ready) = @_;
    # A copy: an output that has ended is taken out of the list.
    my @ready = grep { vec($ready, fileno $_->{reader}, 1) } @outputs;
    relay($_) for @ready;
}

sub relay {
    my ($output) = @_;
    my $read = sysread $output->{reader}, my $data, CHUNK;
    return unless defined $read;
    return tell_($output->{kind}, $data) if $read > 0;
    @outputs = grep { $_ != $output } @outputs;
    tell_(lc $output->{kind}, '') if $lingering;
}

sub reap {
    my ($over, $status, $children) = (0, 0, 1);
    while (1) {
        my $which = waitpid -1, WNOHANG;
        $children = 0 if $which == -1;
        last if $which <= 0;
        ($over, $status) = (1, $?) if $which == $pid;
    }
    return unless $over;
    $pid = 0;
    my $alone = $subreaper && !$children;
    # From now on an output ends when the last of the others lets it go; the next child gets new ones.
    @writers = () unless $alone;
    drain($alone);
    my $flags = $alone ? 0 : NOT_ALONE;
    for my $output ($alone ? () : @outputs) { $flags |= $output->{kind} eq 'O' ? STDOUT_OPEN : STDERR_OPEN }
    $lingering = !$alone;
    my $signal = $status & 0x7f;
    tell_('X', pack 'CCC', $signal ? 0 : $status >> 8, $signal, $flags);
}

# Relays what the child has written. Others that hold its output might keep it filled for ever.
sub drain {
    my ($alone) = @_;
    while (1) {
        my $ready = '';
        vec($ready, fileno $_->{reader}, 1) = 1 for @outputs;
        return unless @outputs && select($ready, undef, undef, 0) > 0;
        relay_all($ready);
        return unless $alone;
    }
}

sub end_ {
    kill KILL => -$pid, $pid if $pid;
    # The orphans of each that dies become children of this process before it can be reaped.
    while ($subreaper and my @children = read_children()) {
        kill KILL => @children;
        waitpid -1, 0;
    }
}

sub read_children {
    open my $file, '<', "/proc/$$/task/$$/children" or return;
    return split ' ', <$file> // '';
}

sub become_subreaper {
    my ($architecture) = $Config{archname} =~ /^([^-]+)/;
    my $number = $^O eq 'linux' && $Config{ptrsize} == 8 ? $PRCTL{$architecture} : undef;
    return 0 unless defined $number && syscall($number, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
    my $answer = pack 'i', 0;
    return syscall($number, PR_GET_CHILD_SUBREAPER, $answer, 0, 0, 0) == 0 && unpack('i', $answer) == 1;
}
