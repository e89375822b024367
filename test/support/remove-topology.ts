import {connect} from 'amqplib';
import {allExchanges, allQueues, type Topology} from '../../domain/broker/topology.ts';

/** Takes a topology off a broker that others use too. */
export async function removeTopology(amqpUrl: string, topology: Topology): Promise<void> {
	const connection = await connect(amqpUrl);
	const channel = await connection.createChannel();
	for (const {name} of allQueues(topology)) await channel.deleteQueue(name);
	for (const {name} of allExchanges(topology)) await channel.deleteExchange(name);
	await connection.close();
}
