package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code outboard capture} of drivers that run in processes of their own. */
class CaptureIT extends ProcessTest {
    private static final int FAILED = 1;
    private static final int USAGE = 2;
    private static final long YEAR_2026 = 1_767_225_600L;
    private static final int ETHERNET_IPV4 = 0x0800;

    /** A frame of a file: read by the format's text, and by nothing of ours. */
    private record Frame(long seconds, int nanos, int lengthBytes, byte[] bytes) {
        int type() {
            return (bytes[12] & 0xff) << 8 | bytes[13] & 0xff;
        }

        long time() {
            return seconds * 1_000_000_000L + nanos;
        }

        boolean isRequest() {
            return bytes[34] == 8;
        }

        /** Of ICMP's echo (RFC 792). */
        int sequence() {
            return (bytes[40] & 0xff) << 8 | bytes[41] & 0xff;
        }
    }

    private static List<Frame> frames(byte[] file, int snap) {
        var bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(bytes.getInt()).isEqualTo(0xa1b23c4d);
        assertThat(bytes.getShort()).isEqualTo((short) 2);
        assertThat(bytes.getShort()).isEqualTo((short) 4);
        assertThat(bytes.getLong()).isZero();
        assertThat(bytes.getInt()).isEqualTo(snap);
        assertThat(bytes.getInt()).as("Ethernet").isEqualTo(1);
        var frames = new ArrayList<Frame>();
        while (bytes.hasRemaining()) {
            long seconds = bytes.getInt() & 0xffff_ffffL;
            int nanos = bytes.getInt();
            var captured = new byte[bytes.getInt()];
            int lengthBytes = bytes.getInt();
            bytes.get(captured);
            assertThat(nanos).isBetween(0, 999_999_999);
            assertThat(captured.length).isEqualTo(Math.min(lengthBytes, snap));
            frames.add(new Frame(seconds, nanos, lengthBytes, captured));
        }
        return frames;
    }

    private NetworkProcesses network(String strategy) {
        var network = new NetworkProcesses(this, strategy);
        network.startDevice();
        var host =
                outboard(
                        "the host",
                        network.driverWords(
                                "nic1", "--client", "udp-echo", "-o", "ip=10.0.0.1/24"));
        host.awaitReady(LIMIT);
        return network;
    }

    /** Pings the host, with the time to be looked at. */
    private OutboardProcess startPings(NetworkProcesses network) {
        var words = new ArrayList<>(List.of("--control", "unix:" + path("ctl")));
        words.addAll(List.of("--client", "net-ping", "-o", "ip=10.0.0.2", "-o", "to=10.0.0.1"));
        words.addAll(List.of("-o", "count=60000", "-o", "interval=1", "-o", "length=200"));
        var pings =
                outboard("the pings", network.driverWords("nic0", words.toArray(String[]::new)));
        pings.awaitReady(LIMIT);
        return pings;
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "deferred", "strict"})
    void shouldShowBothWaysInTheirOrder(String strategy) throws IOException {
        var pings = startPings(network(strategy));
        var file = path("frames.pcap");
        var ended =
                run(
                        "capture",
                        "unix:" + path("ctl"),
                        "-w",
                        file.toString(),
                        "--snap",
                        "60",
                        "--count",
                        "40",
                        "--json");
        assertThat(ended.exitCode()).as(ended.process().errorOutput()).isZero();
        var told = ended.process().awaitEvent("captured", LIMIT);
        assertThat(told.number("frames")).isEqualTo(40);
        assertThat(told.number("dropped")).isZero();
        var frames = frames(Files.readAllBytes(file), 60);
        assertThat(frames).hasSize(40);
        Frame before = null;
        int first = -1;
        var asked = new HashSet<Integer>();
        int answered = 0;
        for (var frame : frames) {
            assertThat(frame.seconds).isGreaterThan(YEAR_2026);
            if (frame.type() != ETHERNET_IPV4) {
                continue;
            }
            assertThat(frame.lengthBytes).as("headers, and 200").isEqualTo(242);
            if (before != null) {
                assertThat(frame.time()).isGreaterThanOrEqualTo(before.time());
            }
            before = frame;
            if (frame.isRequest()) {
                first = first < 0 ? frame.sequence() : first;
                asked.add(frame.sequence());
            } else if (first >= 0 && frame.sequence() >= first) {
                // What was asked before the capture is not looked at; a late answer may come after
                // the next question, but none before its own.
                assertThat(asked).contains(frame.sequence());
                answered++;
            }
        }
        assertThat(answered).isGreaterThan(10);
        pings.terminate();
    }

    @Test
    void shouldEndWithTheDriverAndLeaveWholeRecords() throws IOException {
        var pings = startPings(network("deferred"));
        var file = path("frames.pcap");
        var capture =
                outboard(
                        "the capture",
                        "capture",
                        "unix:" + path("ctl"),
                        "-w",
                        file.toString(),
                        "--json");
        capture.awaitEvent("capturing", LIMIT);
        pings.terminate();
        var told = capture.awaitEvent("captured", LIMIT);
        assertThat(capture.awaitExit(LIMIT)).as(capture.errorOutput()).isZero();
        assertThat(frames(Files.readAllBytes(file), 1 << 17)).hasSize((int) told.number("frames"));
    }

    @Test
    void shouldEndInTimeAndWriteToAPipe() {
        startPings(network("off"));
        var ended = run("capture", "unix:" + path("ctl"), "-w", "-", "--seconds", "0.5");
        assertThat(ended.exitCode()).as(ended.process().errorOutput()).isZero();
        assertThat(ended.process().errorOutput()).containsPattern("[0-9]+ frames, .* 0 dropped");
    }

    @Test
    void shouldRefuseASecondAndWhatMakesNoSense() {
        startPings(network("off"));
        var name = "unix:" + path("ctl");
        var first = outboard("the first", "capture", name, "-w", path("one").toString(), "--json");
        first.awaitEvent("capturing", LIMIT);
        var second = run("capture", name, "-w", path("two").toString());
        assertThat(second.exitCode()).isEqualTo(FAILED);
        assertThat(second.complaint()).hasSize(1).first().asString().contains("already");
        first.terminate();
        first.awaitExit(LIMIT);
        var third = run("capture", name, "-w", path("two").toString(), "--count", "1");
        assertThat(third.exitCode()).as(third.process().errorOutput()).isZero();
        assertThat(run("capture", name, "-w", "x", "--snap", "3").exitCode()).isEqualTo(USAGE);
        assertThat(run("capture", "unix:" + path("nobody"), "-w", path("x").toString()).exitCode())
                .isEqualTo(FAILED);
    }
}
