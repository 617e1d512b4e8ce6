package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

/** Files by TCP between two namespaces, both ways at once, and whether they came as they went. */
final class FileTransfers {
    private final ProcessTest test;
    private final End first;
    private final End second;
    private final List<OutboardProcess> programs = new ArrayList<>();

    private record End(Namespace where, String address) {}

    FileTransfers(
            ProcessTest test,
            Namespace first,
            String firstAddress,
            Namespace second,
            String secondAddress) {
        this.test = test;
        this.first = new End(first, firstAddress);
        this.second = new End(second, secondAddress);
    }

    /** Carries two files of so many bytes. */
    void carry(int lengthBytes) throws Exception {
        Peers.need("busybox-static", "busybox");
        var random = new Random(7);
        for (var name : List.of("there", "back")) {
            var bytes = new byte[lengthBytes];
            random.nextBytes(bytes);
            Files.write(test.path(name), bytes);
        }
        start("there", "5001", first, second);
        start("back", "5002", second, first);
        for (var program : programs) {
            assertThat(program.awaitExit(ProcessTest.LIMIT)).as(program.errorOutput()).isZero();
        }
        for (var name : List.of("there", "back")) {
            assertThat(digest(test.path(name + ".copy"))).isEqualTo(digest(test.path(name)));
        }
    }

    private void start(String name, String port, End from, End to) throws InterruptedException {
        var file = test.path(name);
        programs.add(
                from.where.start("sh", "-c", "busybox nc -l -p %s < %s".formatted(port, file)));
        awaitListener(from.where, port);
        // Not nc again: without input, it would end before all had come.
        programs.add(
                to.where.start(
                        "bash",
                        "-c",
                        "cat < /dev/tcp/%s/%s > %s.copy".formatted(from.address, port, file)));
    }

    private static void awaitListener(Namespace where, String port) throws InterruptedException {
        long deadline = System.nanoTime() + ProcessTest.LIMIT.toNanos();
        while (!where.run("ss", "-Hltn", "sport", "=", port).contains(port)) {
            assertThat(System.nanoTime() - deadline).as("nobody listens").isNegative();
            Thread.sleep(20);
        }
    }

    private static String digest(Path file) throws IOException, NoSuchAlgorithmException {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }
}
