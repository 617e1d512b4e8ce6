package dev.outboard.dma.mediator;

/**
 * What one client may use of everything that is counted.
 *
 * @param frames page frames of memory
 * @param entries pages of IOVA mapped
 * @param mappings runs mapped; a run of more than 4096 pages counts as several
 */
public record Quotas(Quota frames, Quota entries, Quota mappings) {
    /** No bounds but the machine's. */
    public static final Quotas UNLIMITED =
            new Quotas(Quota.UNLIMITED, Quota.UNLIMITED, Quota.UNLIMITED);

    /**
     * Reads what stands behind the client's name in {@code --quota}: {@code
     * frames=B:L,entries=B:L,mappings=B:L}, any of them left out; {@code B} alone is {@code B:B}.
     *
     * @throws IllegalArgumentException if it is none; the message says why
     */
    public static Quotas parse(String text) {
        Quotas quotas = UNLIMITED;
        for (String part : text.split(",")) {
            int equals = part.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("'" + part + "' is not RESOURCE=BARRIER:LIMIT");
            }
            quotas = quotas.with(part.substring(0, equals), bounds(part.substring(equals + 1)));
        }
        return quotas;
    }

    private Quotas with(String resource, Quota quota) {
        return switch (resource) {
            case "frames" -> new Quotas(quota, entries, mappings);
            case "entries" -> new Quotas(frames, quota, mappings);
            case "mappings" -> new Quotas(frames, entries, quota);
            default ->
                    throw new IllegalArgumentException(
                            "no resource is called '"
                                    + resource
                                    + "': take one of frames, entries, mappings");
        };
    }

    private static Quota bounds(String text) {
        int colon = text.indexOf(':');
        long barrier = bound(colon < 0 ? text : text.substring(0, colon));
        return new Quota(barrier, colon < 0 ? barrier : bound(text.substring(colon + 1)));
    }

    private static long bound(String text) {
        if (text.equals("unlimited")) {
            return Long.MAX_VALUE;
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException wrong) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no number, nor the word unlimited", wrong);
        }
    }
}
