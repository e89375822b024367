import {connect} from 'amqplib';
import type {QueueDeclaration} from '../../domain/broker/topology.ts';

/** How many messages RabbitMQ has in a queue that are in nobody's hand. */
export async function messagesOnServer(amqpUrl: string, {name}: QueueDeclaration): Promise<number> {
	const connection = await connect(amqpUrl);
	try {
		const channel = await connection.createChannel();
		return (await channel.checkQueue(name)).messageCount;
	} finally {
		await connection.close();
	}
}
