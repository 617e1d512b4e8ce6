package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A network namespace of a test: a machine of its own, as far as the network goes. A process holds
 * it, so that nothing of it is left when the test ends, however it ends. Needs no root where users
 * may have namespaces.
 */
final class Namespace {
    private final ProcessTest test;
    private final String name;
    private final OutboardProcess holder;

    private Namespace(ProcessTest test, String name, OutboardProcess holder) {
        this.test = test;
        this.name = name;
        this.holder = holder;
    }

    /** A new one, whose loopback is up. Skips the test where there can be none. */
    static Namespace create(ProcessTest test, String name) throws InterruptedException {
        Peers.need("iproute2", "ip");
        Peers.need("util-linux", "unshare", "nsenter");
        if (!Files.isWritable(Path.of("/dev/net/tun"))) {
            Peers.missing("/dev/net/tun is not there, or not for this user: modprobe tun");
        }
        var command = new ArrayList<>(List.of("unshare", "--net"));
        if (!isRoot()) {
            command.addAll(List.of("--user", "--map-root-user"));
        }
        command.addAll(List.of("sleep", "600"));
        var namespace = new Namespace(test, name, test.program(name, command, Map.of()));
        namespace.awaitEntry();
        namespace.run("ip", "link", "set", "lo", "up");
        return namespace;
    }

    private static boolean isRoot() {
        return "root".equals(System.getProperty("user.name"));
    }

    /** Until the holder has left our own namespace there is nothing to enter. */
    private void awaitEntry() throws InterruptedException {
        long deadline = System.nanoTime() + ProcessTest.LIMIT.toNanos();
        while (isOurs()) {
            if (!holder.isAlive()) {
                Peers.missing("no network namespaces for this user: " + holder.errorOutput());
            }
            assertThat(System.nanoTime() - deadline).as("a namespace never came").isNegative();
            Thread.sleep(5);
        }
    }

    private boolean isOurs() {
        try {
            var theirs = Path.of("/proc", Long.toString(holder.pid()), "ns", "net");
            return Files.readSymbolicLink(theirs)
                    .equals(Files.readSymbolicLink(Path.of("/proc/self/ns/net")));
        } catch (IOException gone) {
            return true;
        }
    }

    /** These words, to be run inside. */
    List<String> inside(List<String> words) {
        var command =
                new ArrayList<>(
                        List.of("nsenter", "--target", Long.toString(holder.pid()), "--net"));
        if (!isRoot()) {
            command.addAll(List.of("--user", "--preserve-credentials"));
        }
        command.addAll(words);
        return command;
    }

    /** Starts a program inside; it ends with the test. */
    OutboardProcess start(String... words) {
        return test.program(
                words[0] + " in " + name, inside(List.of(words)), Map.of("LC_ALL", "C"));
    }

    /** Runs a program inside to its end, which must be a good one; what it said. */
    String run(String... words) {
        var process = start(words);
        int code = process.awaitExit(Duration.ofSeconds(60));
        assertThat(code)
                .as("%s: %s%s", String.join(" ", words), process.output(), process.errorOutput())
                .isZero();
        return process.output();
    }

    /** Whether an interface is here. */
    boolean has(String link) {
        return start("ip", "link", "show", link).awaitExit(ProcessTest.LIMIT) == 0;
    }
}
