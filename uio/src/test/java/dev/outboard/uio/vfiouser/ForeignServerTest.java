package dev.outboard.uio.vfiouser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The client with servers that are not ours: by the letter, sparing, slow, and lying. */
@Timeout(60)
class ForeignServerTest {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(5);

    @TempDir Path directory;
    private int before;

    @BeforeEach
    void count() {
        before = Descriptor.openCount();
    }

    @AfterEach
    void leakNothing() {
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private ScriptedServer server() {
        return new ScriptedServer(directory.resolve("s"));
    }

    private VfioUserClient client() {
        return VfioUserClient.connect(directory.resolve("s"), TIMEOUT_NANOS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0|''",
                "1|''",
                "1|{}",
                "1|{\"capabilities\":{\"max_msg_fds\":8,\"twin_socket\":{\"supported\":false}}}",
                "2|{\"capabilities\":{\"max_data_xfer_size\":64,\"write_multiple\":true}}",
                "2|{\"capabilities\":{\"migration\":{\"pgsize\":4096}}}"
            })
    void shouldTalkToEveryVersionOfTheProtocol(int minor, String capabilities) {
        var server = server();
        server.minor = minor;
        server.capabilities = capabilities;
        try (var running = server.start();
                var client = client()) {
            client.region(0).putLong(8, 0x1122_3344_5566_7788L);
            assertThat(client.region(0).getInt(12)).isEqualTo(0x1122_3344);
            assertThat(client.configuration().read(0, 2)).isEqualTo(0x1b36);
            client.reset();
        }
    }

    @Test
    void shouldRefuseAnotherMajorVersionAndNoPciFunction() {
        var other =
                new ScriptedServer(directory.resolve("s")) {
                    @Override
                    protected void answer(int descriptors) {
                        reply(new byte[] {1, 0, 0, 0});
                    }
                };
        try (var running = other.start()) {
            assertThatThrownBy(this::client).hasMessageContaining("speaks vfio-user 1.0");
        }
        var sparse = server();
        sparse.regions = 3;
        try (var running = sparse.start()) {
            assertThatThrownBy(this::client).hasMessageContaining("no PCI function");
        }
    }

    /** libvfio-user passes one descriptor a message, unless it says more. */
    @ParameterizedTest
    @CsvSource({"1, 2", "1, 512", "4, 130", "8, 2048"})
    void shouldPassNoMoreDescriptorsThanAPeerTakes(int most, int vectors) {
        var server = server();
        server.capabilities = "{\"capabilities\":{\"max_msg_fds\":" + most + "}}";
        server.vectors = vectors;
        // Some leave the flag for events out.
        server.irqFlags = 0;
        var events = new ArrayList<EventDescriptor>();
        try (var running = server.start();
                var client = client()) {
            assertThat(client.maximumVectors()).isEqualTo(vectors);
            int used = Math.min(vectors, 512);
            for (int vector = 0; vector < used; vector++) {
                events.add(EventDescriptor.create());
            }
            client.signal(events);
            assertThat(server.descriptorsOfIrqs).allMatch(count -> count <= most);
            assertThat(server.descriptorsOfIrqs.stream().mapToInt(Integer::intValue).sum())
                    .isEqualTo(used);
        } finally {
            events.forEach(EventDescriptor::close);
        }
    }

    /** A register of 8 bytes is one access, and never two of 4. */
    @Test
    void shouldReachWideRegistersInOneAccess() {
        var server = server();
        try (var running = server.start();
                var client = client()) {
            server.accessBytes.clear();
            client.region(0).putLong(0x28, 7);
            assertThat(client.region(0).getLong(0x28)).isEqualTo(7);
            assertThat(server.accessBytes).containsExactly(8, 8);
        }
    }

    /** Doorbells of 128 queues in a sparse area: stores, and no message. */
    @ParameterizedTest
    @ValueSource(longs = {0, 0x1000, 0x10000})
    void shouldMapDoorbellsWhereverTheFileHasThem(long fileOffset) {
        try (var file = MemoryFile.create("bar", fileOffset + ScriptedServer.BAR_BYTES)) {
            var server =
                    new ScriptedServer(directory.resolve("s")) {
                        @Override
                        protected void answer(int descriptors) {
                            boolean isBar = word(8) == 0 && log.size() >= 2 && asked("REGION") == 0;
                            if (isBar && !log.contains("mapped")) {
                                log.add("mapped");
                                reply(sparse(region(0), fileOffset), file.descriptor());
                                return;
                            }
                            super.answer(descriptors);
                        }
                    };
            try (var running = server.start();
                    var client = client();
                    var mapping = file.map(fileOffset, ScriptedServer.BAR_BYTES, true)) {
                long before = server.asked("REGION_WRITE");
                for (int queue = 0; queue < 128; queue++) {
                    client.region(0).putInt(0x1000 + 8L * queue, queue + 1);
                }
                assertThat(server.asked("REGION_WRITE")).isEqualTo(before);
                for (int queue = 0; queue < 128; queue++) {
                    assertThat(mapping.memory().get(ValueLayout.JAVA_INT, 0x1000 + 8L * queue))
                            .isEqualTo(queue + 1);
                }
                client.region(0).putInt(0x14, 1);
                assertThat(server.asked("REGION_WRITE")).isEqualTo(before + 1);
            }
        }
    }

    /** A capability of another kind first, then the area from 0x1000 to 0x2000. */
    private static byte[] sparse(byte[] plain, long fileOffset) {
        var info = MemorySegment.ofArray(new byte[32 + 16 + 32]);
        MemorySegment.copy(plain, 0, info, ValueLayout.JAVA_BYTE, 0, 32);
        info.set(ValueLayout.JAVA_INT_UNALIGNED, 0, 80);
        info.set(ValueLayout.JAVA_INT_UNALIGNED, 4, 3 | 4 | 8);
        info.set(ValueLayout.JAVA_INT_UNALIGNED, 12, 32);
        info.set(ValueLayout.JAVA_LONG_UNALIGNED, 24, fileOffset);
        info.set(ValueLayout.JAVA_SHORT_UNALIGNED, 32, (short) 77);
        info.set(ValueLayout.JAVA_INT_UNALIGNED, 36, 48);
        info.set(ValueLayout.JAVA_SHORT_UNALIGNED, 48, (short) 1);
        info.set(ValueLayout.JAVA_INT_UNALIGNED, 56, 1);
        info.set(ValueLayout.JAVA_LONG_UNALIGNED, 64, 0x1000);
        info.set(ValueLayout.JAVA_LONG_UNALIGNED, 72, 0x1000);
        return info.toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void shouldTakeRepliesInAnyOrder() throws InterruptedException {
        var server = server();
        try (var running = server.start();
                var client = client()) {
            client.region(0).putInt(0x40, 11);
            client.region(0).putInt(0x44, 22);
            server.isOutOfOrder = true;
            var first = new AtomicLong();
            var asking = Thread.ofPlatform().start(() -> first.set(client.region(0).getInt(0x40)));
            long deadline = System.nanoTime() + TIMEOUT_NANOS;
            while (server.accessBytes.size() < 3 && System.nanoTime() < deadline) {
                Thread.onSpinWait();
            }
            assertThat(client.region(0).getInt(0x44)).isEqualTo(22);
            asking.join();
            assertThat(first.get()).isEqualTo(11);
        }
    }

    /** Wherever a server dies, whoever waits is told, and nothing is left open. */
    @Test
    void shouldSurviveAServerThatDiesAtAnyPoint() {
        for (int at = 0; at < 18; at++) {
            var server = server();
            server.diesAt = at;
            try (var running = server.start()) {
                assertThatThrownBy(this::everything)
                        .as("at message %d", at)
                        .isInstanceOf(PeerGoneException.class);
            }
        }
    }

    private void everything() {
        try (var client = client();
                var event = EventDescriptor.create();
                var file = MemoryFile.create("m", 4096);
                var mapping = file.map(0, 4096, true)) {
            client.signal(List.of(event));
            client.map(0, mapping.memory(), file.descriptor(), 0, 3);
            client.unmap(0, 4096);
            client.reset();
            for (int round = 0; round < 8; round++) {
                client.region(0).getInt(0);
            }
        }
    }

    /** Whatever comes back, in whichever reply: an exception, and never a crash or a wait. */
    @Test
    void shouldSurviveLyingAndTruncatedReplies() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int round = 0; round < 80; round++) {
            int victim = random.nextInt(16);
            var lying =
                    new ScriptedServer(directory.resolve("s")) {
                        private int messages;

                        @Override
                        void send(byte[] message, Descriptor... passed) {
                            if (messages++ != victim) {
                                super.send(message, passed);
                                return;
                            }
                            byte[] changed = message.clone();
                            for (int flips = 0; flips < 1 + random.nextInt(4); flips++) {
                                int place = random.nextInt(changed.length);
                                // The length itself stays within what the client can await.
                                if (place < 4 || place > 7) {
                                    changed[place] = (byte) random.nextInt();
                                }
                            }
                            if (random.nextInt(4) == 0) {
                                int length = 16 + random.nextInt(changed.length - 15);
                                changed = Arrays.copyOf(changed, length);
                                changed[4] = (byte) length;
                                changed[5] = (byte) (length >>> 8);
                            }
                            super.send(changed, passed);
                        }
                    };
            try (var running = lying.start()) {
                VfioUserClient client = null;
                try {
                    client =
                            VfioUserClient.connect(
                                    directory.resolve("s"), TimeUnit.MILLISECONDS.toNanos(60));
                    client.region(0).getInt(0);
                    client.region(0).putLong(8, 1);
                    client.reset();
                } catch (VfioUserException
                        | PeerGoneException
                        | PeerTimeoutException
                        | IllegalArgumentException
                        | UnsupportedOperationException
                        | IndexOutOfBoundsException told) {
                    assertThat(told.getMessage()).as("seed %d", seed).isNotBlank();
                } finally {
                    if (client != null) {
                        client.close();
                    }
                }
            }
        }
    }

    /** DMA_READ and DMA_WRITE, of what is mapped, of what is not, and against its direction. */
    @Test
    void shouldLetAServerReachMemoryByMessage() {
        try (var file = MemoryFile.create("m", 8192);
                var mapping = file.map(0, 8192, true)) {
            var memory = mapping.memory();
            memory.set(ValueLayout.JAVA_LONG, 8, 77);
            var server = server();
            try (var running = server.start();
                    var client = client()) {
                client.map(0x10000, memory.asSlice(0, 4096), null, 0, 1);
                client.map(0x20000, memory.asSlice(4096, 4096), null, 0, 3);
                ask(server, 11, 0x10008, 8, null);
                ask(server, 12, 0x20010, 8, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
                ask(server, 12, 0x10000, 8, new byte[8]);
                ask(server, 11, 0x10ffc, 8, null);
                ask(server, 11, 0x30000, 8, null);
                ask(server, 11, 0x10000, -1, null);
                ask(server, 12, 0x20000, 9, new byte[8]);
                long deadline = System.nanoTime() + TIMEOUT_NANOS;
                while (server.replies.size() < 7 && System.nanoTime() < deadline) {
                    Thread.onSpinWait();
                }
                assertThat(client.region(0).getInt(0)).isZero();
                assertThat(memory.get(ValueLayout.JAVA_LONG, 4096 + 0x10))
                        .isEqualTo(0x0807_0605_0403_0201L);
                assertThat(memory.get(ValueLayout.JAVA_LONG, 0)).isZero();
                assertThat(server.replies)
                        .as("right, right, read-only, beyond, nothing there, no length, too short")
                        .containsExactly(0, 0, 14, 14, 14, 22, 22);
                assertThat(client.isGone()).isFalse();
            }
        }
    }

    private static void ask(
            ScriptedServer server, int command, long address, long count, byte[] data) {
        byte[] payload = new byte[16 + (data == null ? 0 : data.length)];
        var words = MemorySegment.ofArray(payload);
        words.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, address);
        words.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, count);
        if (data != null) {
            System.arraycopy(data, 0, payload, 16, data.length);
        }
        byte[] message = server.message(0, 0, payload);
        message[0] = (byte) command;
        message[2] = (byte) command;
        message[3] = 0;
        server.send(message);
    }
}
