package dev.outboard.host.run;

import dev.outboard.driver.Client;
import dev.outboard.host.cli.UsageException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/**
 * What uses the driver: a client by its name, or one of the ways out of the process by a word of
 * its own, which is short for a client and what it must be told.
 */
final class WayOutOptions {
    private static final String CLIENT = "--client";
    private static final String TAP = "--tap";
    private static final String XDP = "--xdp";
    private static final String FORWARD = "--forward";
    private static final String SERVE = "--serve";

    @Option(
            names = CLIENT,
            paramLabel = "NAME",
            description = "Run this client on the driver; without one it idles until stopped.")
    private String client;

    @Option(
            names = "-o",
            paramLabel = "KEY=VALUE",
            description = "An option of the client; may be repeated.")
    private Map<String, String> options = new LinkedHashMap<>();

    @Option(
            names = TAP,
            paramLabel = "NAME",
            description =
                    "Join the driver to the kernel's network stack as the interface NAME: client"
                            + " tap, name=NAME.")
    private String tap;

    @Option(
            names = XDP,
            paramLabel = "NAME[,copy|zerocopy][,queue=N]",
            description =
                    "Join the driver to the interface NAME, beside the kernel's stack, by AF_XDP:"
                            + " client xdp, name=NAME[,...].")
    private String xdp;

    @Option(
            names = FORWARD,
            description = "Send what comes back where it came from: client forward.")
    private boolean forward;

    @Option(
            names = SERVE,
            paramLabel = "PATH",
            description =
                    "Offer the interface to another process, over vhost-user on the socket PATH:"
                            + " client serve, path=PATH; may be repeated, for path=PATH,PATH.")
    private List<String> serve = List.of();

    /** A client, and what the word for it stands for. */
    private record Way(String word, String client, Map<String, String> options) {}

    /**
     * The client that was asked for; null for none.
     *
     * @throws UsageException if there is no such client, or more than one was asked for
     */
    Client client(Modules modules) {
        var way = way();
        return way == null ? null : modules.client(way.client);
    }

    /**
     * What the client is told: what its word stands for, and what {@code -o} adds.
     *
     * @throws UsageException if {@code -o} says otherwise than the word
     */
    Map<String, String> clientOptions() {
        var all = new LinkedHashMap<>(options);
        var way = way();
        if (way != null) {
            way.options.forEach(
                    (name, value) -> {
                        var other = all.put(name, value);
                        if (other != null && !other.equals(value)) {
                            throw new UsageException(
                                    "%s %s says %s=%s already: leave out -o %s=%s"
                                            .formatted(way.word, value, name, value, name, other));
                        }
                    });
        }
        return Map.copyOf(all);
    }

    private Way way() {
        var ways = new ArrayList<Way>();
        if (client != null) {
            ways.add(new Way(CLIENT, client, Map.of()));
        }
        if (tap != null) {
            ways.add(new Way(TAP, "tap", Map.of("name", named(TAP, tap))));
        }
        if (xdp != null) {
            ways.add(new Way(XDP, "xdp", Map.of("name", named(XDP, xdp))));
        }
        if (forward) {
            ways.add(new Way(FORWARD, "forward", Map.of()));
        }
        if (!serve.isEmpty()) {
            serve.forEach(path -> named(SERVE, path));
            ways.add(new Way(SERVE, "serve", Map.of("path", String.join(",", serve))));
        }
        if (ways.size() > 1) {
            throw new UsageException(
                    "%s are more than one way out: a driver has one client, so start a driver for"
                                    .formatted(
                                            String.join(
                                                    ", ", ways.stream().map(Way::word).toList()))
                            + " each");
        }
        return ways.isEmpty() ? null : ways.getFirst();
    }

    private static String named(String word, String value) {
        if (value.isBlank()) {
            throw new UsageException(word + " names nothing");
        }
        return value;
    }
}
