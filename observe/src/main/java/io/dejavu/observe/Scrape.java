package io.dejavu.observe;

/// All metrics as they are now.
public record Scrape(String contentType, byte[] body) {}
