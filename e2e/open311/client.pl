# The road of a foreign client in Perl, reading XML as FixMyStreet does: discover,
# list, submit, read back, update. Arguments: discovery address, key, photo.
use strict;
use warnings;
use utf8;
use LWP::UserAgent;
use XML::LibXML;
use Encode qw(encode_utf8);
use POSIX qw(strftime);

binmode STDOUT, ':utf8';
binmode STDERR, ':utf8';
my ($discovery, $key, $photo) = @ARGV;
my $agent = LWP::UserAgent->new(timeout => 30);

sub document {
    my ($answer, $want) = @_;
    die $answer->request->uri . ': ' . $answer->status_line . ' ' . $answer->decoded_content(charset => 'UTF-8') unless $answer->code == $want;
    die 'type ' . $answer->header('Content-Type') unless $answer->header('Content-Type') eq 'text/xml; charset=utf-8';
    return XML::LibXML->load_xml(string => $answer->content, no_network => 1, expand_entities => 0);
}

sub get {
    my ($url, $want, %params) = @_;
    my $uri = URI->new($url);
    $uri->query_form(map { $_ => encode_utf8($params{$_}) } sort keys %params) if %params;
    return document($agent->get($uri), $want || 200);
}

sub post {
    my ($url, $want, %form) = @_;
    my %bytes = map { encode_utf8($_) => encode_utf8($form{$_}) } keys %form;
    return document($agent->post($url, \%bytes), $want);
}

my $base = get($discovery)->findvalue('//endpoint[specification="http://wiki.open311.org/GeoReport_v2"]/url');
my $services = get("${base}services.xml");
die 'no manhole' unless $services->findvalue('//service[service_code="manhole"]/metadata') eq 'true';
my $definition = get("${base}services/manhole.xml");
my ($code, $answer) = ($definition->findvalue('//attribute[1]/code'), $definition->findvalue('//attribute[1]/values/value[1]/key'));

# What FixMyStreet sends beside what is asked; none of it is demanded, none may be kept.
my $words = "Perl: Открытый люк, выдумано <&> ғқңөұүһ";
my %form = (api_key => $key, service_code => 'manhole', lat => '45.0521', long => '65.1521', description => $words, "attribute[$code]" => $answer,
    email => 'someone@perl.example', first_name => 'Made', last_name => 'Up', phone => '+70000000000', 'attribute[fixmystreet_id]' => 'perl-311');
my $sent = post("${base}requests.xml", 200, %form);
my $id = $sent->findvalue('//service_request_id');
die 'no id: ' . $sent->toString unless $id =~ /^[A-Za-z0-9_-]+$/;
die 'sent twice is two' unless post("${base}requests.xml", 200, %form)->findvalue('//service_request_id') eq $id;

my $one = get("${base}requests/$id.xml");
die 'description: ' . $one->findvalue('//description') unless $one->findvalue('//description') eq $words;
die 'a contact comes out' if $one->toString =~ /perl\.example|70000000000/;
die 'not listed' unless get("${base}requests.xml", 200, service_request_id => $id)->findvalue('count(//request)') == 1;

post("${base}servicerequestupdates.xml", 200, api_key => $key, service_request_id => $id, update_id => 'perl-1', status => 'INVESTIGATING', first_name => 'Made', last_name => '-',
    updated_datetime => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime), description => 'Смотрим');

# Photos as FixMyStreet uploads them: photo1 and so on, in a form in parts.
my $uploaded = document($agent->post("${base}requests.xml", Content_Type => 'form-data',
    Content => [map({ $_ => encode_utf8($form{$_}) } grep { $_ ne 'attribute[fixmystreet_id]' } sort keys %form), photo1 => [$photo, 'photo.jpg', Content_Type => 'image/jpeg']]), 200);
my $shown = get("${base}requests/" . $uploaded->findvalue('//service_request_id') . '.xml')->findvalue('//media_url');
my $picture = $agent->get($shown);
die "picture $shown: " . $picture->status_line unless $picture->code == 200 && $picture->header('Content-Type') eq 'image/jpeg';

# The last two hours, as FixMyStreet asks: what lies outside it passes over.
my ($from, $to) = map { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($_)) } time - 7200, time;
my $updates = get("${base}servicerequestupdates.xml", 200, start_date => $from, end_date => $to, api_key => $key);
my ($mine) = grep { $_->findvalue('service_request_id') eq $id && $_->findvalue('status') eq 'in_progress' } $updates->findnodes('//request_update');
die 'no update: ' . $updates->toString unless $mine;
my $at = $mine->findvalue('updated_datetime');
die "outside: $at" if $at lt $from || $at gt $to;

die 'no error' unless get("${base}requests/999999.xml", 404)->findvalue('//error/code') eq '404';
post("${base}requests.xml", 403, %form, api_key => 'wrong');
print "perl $id done\n";
