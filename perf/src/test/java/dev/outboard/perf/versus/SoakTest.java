package dev.outboard.perf.versus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.host.cli.CommandException;
import org.junit.jupiter.api.Test;

class SoakTest {
    @Test
    void shouldReadHowManySegmentsHadAWrongSum() {
        var snmp =
                """
                Ip: Forwarding DefaultTTL
                Ip: 1 64
                Tcp: RtoAlgorithm RtoMin InSegs InCsumErrors
                Tcp: 1 200 77 3
                Udp: InDatagrams InCsumErrors
                Udp: 5 9
                """;
        assertThat(Soak.wrongSums(snmp)).isEqualTo(3);
    }

    @Test
    void shouldNotTakeAKernelThatDoesNotCountForOneWithoutErrors() {
        assertThatThrownBy(() -> Soak.wrongSums("Tcp: RtoAlgorithm\nTcp: 1\n"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("does not count");
    }
}
