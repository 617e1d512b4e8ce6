package dev.outboard.perf.versus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.host.cli.CommandException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PingTest {
    @Test
    void shouldReadTheMiddleAndTheTailOfTheAnswers() {
        var said =
                IntStream.rangeClosed(1, 101)
                        .mapToObj(
                                i ->
                                        "64 bytes from 10.78.1.2: icmp_seq=%d ttl=64 time=0.%03d ms"
                                                .formatted(i, i))
                        .collect(Collectors.joining("\n"));
        var ping = Ping.of(said, "test");
        assertThat(ping.p50Micros()).isEqualTo(51);
        assertThat(ping.p99Micros()).isEqualTo(100);
    }

    @Test
    void shouldSayOverWhatNobodyAnswered() {
        assertThatThrownBy(() -> Ping.of("5 packets transmitted, 0 received", "veth"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("veth");
    }
}
