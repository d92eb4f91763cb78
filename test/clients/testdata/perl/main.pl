# The driver of HTTP::Tiny, which comes with Perl: what old scripts do.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my $http = HTTP::Tiny->new(default_headers => { Authorization => "bearer $ENV{PUNCTUAL_KEY}" });

sub call {
    my ($want, $method, $path, $body) = @_;
    my %options;
    %options = (headers => { 'Content-Type' => 'text/json' }, content => encode_json($body)) if $body;
    my $answer = $http->request($method, $ENV{PUNCTUAL_URL} . $path, \%options);
    die "$method $path: $answer->{status} $answer->{content}" if $answer->{status} != $want;
    return decode_json($answer->{content});
}

my $id = call(200, 'PUT', '/jobs', { job => {
    url => 'https://example.com/perl', title => 'perl', enabled => 1, saveResponses => '1',
    requestTimeout => '10', extendedData => { headers => [], body => '' },
    schedule => { timezone => 'America/New_York', hours => [-1], mdays => [-1], minutes => [15], months => [-1], wdays => [-1] },
} })->{jobId};
my $job = call(200, 'GET', "/jobs/$id")->{jobDetails};
die 'the job reads back as ' . encode_json($job)
    unless $job->{title} eq 'perl' && $job->{enabled} && $job->{saveResponses} && $job->{requestTimeout} == 10
    && $job->{schedule}{timezone} eq 'America/New_York' && $job->{nextExecution} > time;
call(200, 'PATCH', "/jobs/$id", { job => { enabled => 0, title => undef } });
$job = call(200, 'GET', "/jobs/$id")->{jobDetails};
die 'the job was changed to ' . encode_json($job) unless $job->{title} eq 'perl' && !$job->{enabled};
my $list = call(200, 'GET', '/jobs?sort=title')->{jobs};
die 'the list is ' . encode_json($list) unless @$list == 2 && $list->[0]{jobId} == 1 && $list->[1]{jobId} == $id;
my $history = call(200, 'GET', '/jobs/1/history');
die 'the history is ' . encode_json($history) unless @{ $history->{history} } && @{ $history->{predictions} } == 3;
call(200, 'DELETE', "/jobs/$id");
call(404, 'GET', "/jobs/$id");
call(404, 'POST', '/jobs', { job => {} });
