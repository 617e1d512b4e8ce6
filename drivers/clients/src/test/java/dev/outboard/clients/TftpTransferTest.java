package dev.outboard.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One file on its way, from servers that are right, lose packets, or lie. */
class TftpTransferTest {
    private final ByteArrayOutputStream file = new ByteArrayOutputStream();
    private final TftpTransfer transfer = transfer(1024, 4, 1 << 20);

    private TftpTransfer transfer(int blockBytes, int window, long mostBytes) {
        return new TftpTransfer(
                "f",
                blockBytes,
                window,
                mostBytes,
                data -> {
                    while (data.hasRemaining()) {
                        file.write(data.get());
                    }
                });
    }

    private static ByteBuffer options(String... words) {
        byte[] text = (String.join("\0", words) + "\0").getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(2 + text.length).putShort((short) 6).put(text).flip();
    }

    private static ByteBuffer data(int block, int lengthBytes) {
        return ByteBuffer.allocate(4 + lengthBytes)
                .putShort((short) 3)
                .putShort((short) block)
                .clear();
    }

    private static int acknowledged(ByteBuffer answer) {
        assertThat(answer.getShort(0)).isEqualTo((short) 4);
        return answer.getShort(2) & 0xffff;
    }

    @Test
    void shouldAskForWhatTheStandardsAllow() {
        byte[] asked = new byte[transfer.request().remaining()];
        transfer.request().get(asked);
        assertThat(new String(asked, StandardCharsets.US_ASCII))
                .isEqualTo("\0\1f\0octet\0blksize\0001024\0tsize\0000\0windowsize\0004\0");
    }

    @Test
    void shouldTakeAFileOfAServerWithoutOptions() {
        assertThat(acknowledged(transfer.take(data(1, 512)).orElseThrow())).isEqualTo(1);
        assertThat(acknowledged(transfer.take(data(2, 100)).orElseThrow())).isEqualTo(2);
        assertThat(transfer.isDone()).isTrue();
        assertThat(file.size()).isEqualTo(612);
    }

    @Test
    void shouldAnswerOnceAWindow() {
        var answer = transfer.take(options("blksize", "1000", "windowsize", "3", "tsize", "3005"));
        assertThat(acknowledged(answer.orElseThrow())).isZero();
        assertThat(transfer.take(data(1, 1000))).isEmpty();
        assertThat(transfer.take(data(2, 1000))).isEmpty();
        assertThat(acknowledged(transfer.take(data(3, 1000)).orElseThrow())).isEqualTo(3);
        assertThat(acknowledged(transfer.take(data(4, 5)).orElseThrow())).isEqualTo(4);
        assertThat(transfer.isDone()).isTrue();
    }

    @Test
    void shouldComplainOnceOfALostBlock() {
        transfer.take(options("blksize", "8", "windowsize", "4"));
        transfer.take(data(1, 8));
        assertThat(acknowledged(transfer.take(data(3, 8)).orElseThrow())).isEqualTo(1);
        assertThat(transfer.take(data(4, 8))).isEmpty();
        assertThat(transfer.take(data(2, 8))).isEmpty();
        assertThat(transfer.repeated()).isEqualTo(2);
        assertThat(transfer.bytes()).isEqualTo(16);
    }

    @Test
    void shouldNotAnswerARepeatedBlockByItself() {
        transfer.take(data(1, 512));
        assertThat(transfer.take(data(1, 512))).isEmpty();
        assertThat(acknowledged(transfer.again())).isEqualTo(1);
        assertThat(transfer.bytes()).isEqualTo(512);
    }

    @Test
    void shouldCountBlocksBeyondSixteenBits() {
        var big = transfer(8, 1, 1 << 20);
        big.take(options("blksize", "8"));
        for (int block = 1; block <= 70_000; block++) {
            assertThat(acknowledged(big.take(data(block, 8)).orElseThrow()))
                    .isEqualTo(block & 0xffff);
        }
        big.take(data(70_001, 0));
        assertThat(big.isDone()).isTrue();
        assertThat(big.bytes()).isEqualTo(560_000);
    }

    @ParameterizedTest
    @CsvSource({
        "blksize, 2048",
        "blksize, 7",
        "blksize, -1",
        "blksize, many",
        "windowsize, 5",
        "windowsize, 0",
        "tsize, -1",
        "timeout, 3"
    })
    void shouldRefuseOptionsThatWereNotAskedFor(String name, String value) {
        var answer = transfer.take(options(name, value)).orElseThrow();
        assertThat(answer.getShort(0)).isEqualTo((short) 5);
        assertThat(answer.getShort(2)).isEqualTo((short) 8);
        assertThat(transfer.failure()).contains(name);
    }

    @Test
    void shouldRefuseAFileThatIsLongerThanItMayBe() {
        transfer.take(options("tsize", "1048577"));
        assertThat(transfer.failure()).contains("1048577", "limit=1048576");

        var other = transfer(512, 1, 1000);
        other.take(data(1, 512));
        other.take(data(2, 512));
        assertThat(other.failure()).contains("limit=1000");
        assertThat(file.size()).isEqualTo(512);
    }

    @Test
    void shouldRefuseABlockThatIsLongerThanAgreed() {
        assertThat(transfer.take(data(1, 513)).orElseThrow().getShort(0)).isEqualTo((short) 5);
        assertThat(transfer.failure()).contains("513", "512");
        assertThat(file.size()).isZero();
    }

    @Test
    void shouldNotBelieveAFileThatEndsElsewhereThanAnnounced() {
        transfer.take(options("tsize", "100"));
        transfer.take(data(1, 99));
        assertThat(transfer.isDone()).isFalse();
        assertThat(transfer.failure()).isEqualTo("the server announced 100 bytes and sent 99");
    }

    @Test
    void shouldShowAnErrorWithoutItsControlCharacters() {
        byte[] text = "no \033[31mfile\0 and more".getBytes(StandardCharsets.ISO_8859_1);
        transfer.take(
                ByteBuffer.allocate(4 + text.length)
                        .putShort((short) 5)
                        .putShort((short) 1)
                        .put(text)
                        .flip());
        assertThat(transfer.failure()).isEqualTo("the server refuses: no ?[31mfile (error 1)");
    }

    @Test
    void shouldEndWhereTheFileCannotBeWritten() {
        var full =
                new TftpTransfer(
                        "f",
                        512,
                        1,
                        1000,
                        data -> {
                            throw new IOException("No space left on device");
                        });
        full.take(data(1, 10));
        assertThat(full.failure()).contains("No space left");
        assertThat(full.isDone()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 16})
    void shouldHaveTheFileWholeWhateverIsLostOrTwice(int window) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var content = new byte[random.nextInt(40_000)];
        random.nextBytes(content);
        var own = transfer(100, window, 1 << 20);
        var toUs = new ArrayDeque<ByteBuffer>();
        toUs.add(options("blksize", "100", "windowsize", Integer.toString(window)));
        int steps = 0;
        while (!own.isOver()) {
            assertThat(steps++).as("seed %d", seed).isLessThan(200_000);
            ByteBuffer answer = toUs.isEmpty() ? own.again() : own.take(toUs.poll()).orElse(null);
            if (answer == null || random.nextInt(10) == 0) {
                continue;
            }
            if (answer.getShort(0) != 4) {
                toUs.add(options("blksize", "100", "windowsize", Integer.toString(window)));
                continue;
            }
            // A server sends the window behind what was acknowledged.
            int next = acknowledged(answer);
            for (int block = next;
                    block < next + window && block <= content.length / 100;
                    block++) {
                int length = Math.min(100, content.length - block * 100);
                var packet = data(block + 1, length);
                packet.put(4, content, block * 100, length);
                int copies = random.nextInt(12);
                for (int copy = 0; copy < (copies == 0 ? 2 : copies == 1 ? 0 : 1); copy++) {
                    toUs.add(packet.duplicate());
                }
            }
        }
        assertThat(own.failure()).as("seed %d", seed).isNull();
        assertThat(file.toByteArray()).as("seed %d", seed).isEqualTo(content);
    }

    @Test
    void shouldEndWithOneOutcomeWhateverAServerSends() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            var one = transfer(64, 1 + random.nextInt(4), 1000);
            for (int step = 0; step < 10 && !one.isOver(); step++) {
                var bytes = new byte[random.nextInt(80)];
                random.nextBytes(bytes);
                if (bytes.length > 3) {
                    bytes[0] = 0;
                    bytes[1] = (byte) random.nextInt(8);
                    bytes[2] = 0;
                    bytes[3] = (byte) random.nextInt(4);
                }
                one.take(ByteBuffer.wrap(bytes));
            }
            assertThat(one.isDone() && one.failure() != null).as("seed %d", seed).isFalse();
            assertThat(one.bytes()).as("seed %d", seed).isLessThanOrEqualTo(1000);
        }
    }
}
