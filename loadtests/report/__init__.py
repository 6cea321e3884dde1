"""What a load test found: for programs as result.json, for people as report.html and a few lines."""
